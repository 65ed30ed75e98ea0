//! The Dockerfile, the stack and the units agree with the workspace.

use super::read;

#[test]
fn the_default_version_is_the_workspaces() {
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = \"")).unwrap();
    let version = version.trim_end_matches('"');
    for line in read("Dockerfile").lines().filter(|line| line.starts_with("ARG VERSION")) {
        assert_eq!(line, format!("ARG VERSION={version}"));
    }
    assert!(read("docker-compose.yml").contains(&format!("${{PARLANCE_VERSION:-{version}}}")));
}

/// A unit's stop must leave the service the time that it may take to drain.
#[test]
fn nobody_is_killed_before_the_drain_is_over() {
    assert!(read("docker-compose.yml").contains("stop_grace_period: 30s"));
    for service in ["registry", "chat", "info", "file"] {
        let unit = read(&format!("deploy/systemd/parlance-{service}.service"));
        assert!(unit.contains("\nTimeoutStopSec=30\n"), "{service}");
    }
}
