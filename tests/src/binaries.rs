//! The real binaries.

use std::path::PathBuf;

/// A binary of this workspace, built in the profile of this test.
///
/// Cargo gives a test the binaries of its own package only, so those of others are looked for where it
/// puts all of them: `target/<profile>/<name>`, one above the test's own `deps` folder.
///
/// # Panics
/// When it has not been built.
pub fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("a test lies in target/<profile>/deps");
    let binary = profile.join(name);
    assert!(
        binary.is_file(),
        "{} is not built; `cargo test --workspace` builds every binary before the tests run",
        binary.display()
    );
    binary
}
