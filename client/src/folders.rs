//! Where a person's own settings are on this platform.

use std::ffi::OsString;
use std::path::PathBuf;

const OURS: &str = "parlance";

/// The folder of what the person wrote: `~/.config/parlance`, or where the XDG base directory
/// specification, macOS or Windows have it.
pub(crate) fn config() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME", "APPDATA", ".config", |name| std::env::var_os(name))
}

/// The folder of what this program remembers: `~/.local/state/parlance`, or the same elsewhere.
pub(crate) fn state() -> Option<PathBuf> {
    folder("XDG_STATE_HOME", "LOCALAPPDATA", ".local/state", |name| std::env::var_os(name))
}

fn folder(
    xdg: &str,
    windows: &str,
    at_home: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // The specification wants a relative path to be ignored.
    let base = absolute(xdg).or_else(|| match () {
        () if cfg!(windows) => absolute(windows),
        () if cfg!(target_os = "macos") => Some(absolute("HOME")?.join("Library/Application Support")),
        () => Some(absolute("HOME")?.join(at_home)),
    });
    base.map(|base| base.join(OURS))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_where_the_specification_has_it() {
        let of = |variables: &'static [(&'static str, &'static str)]| {
            folder("XDG_CONFIG_HOME", "APPDATA", ".config", |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
        };
        assert_eq!(of(&[("HOME", "/home/al")]), Some("/home/al/.config/parlance".into()));
        assert_eq!(
            of(&[("HOME", "/home/al"), ("XDG_CONFIG_HOME", "/etc/al")]),
            Some("/etc/al/parlance".into())
        );
        let relative = of(&[("HOME", "/home/al"), ("XDG_CONFIG_HOME", "al")]);
        assert_eq!(relative, Some("/home/al/.config/parlance".into()));
        assert_eq!(of(&[]), None);
    }
}
