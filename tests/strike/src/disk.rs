//! File systems of a test's own, to be cut off and filled up. They take root.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// What ext4 is told so that everything which is not flushed is gone, as after a power cut
/// (`EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`), by whichever of these is installed: each says that
/// it is ready, and waits for the end of its input.
const SWITCHES: [[&str; 3]; 2] = [
    [
        "perl",
        "-e",
        r#"
            open my $disk, "<", $ARGV[0] or die $!;
            $| = 1;
            print "ready\n";
            <STDIN>;
            my $no_flush = pack "L", 2;
            ioctl $disk, 0x8004587D, $no_flush or die $!;
        "#,
    ],
    [
        "python3",
        "-c",
        r#"
import fcntl, os, struct, sys
disk = os.open(sys.argv[1], os.O_RDONLY)
print("ready", flush=True)
sys.stdin.read()
fcntl.ioctl(disk, 0x8004587D, struct.pack("I", 2))
        "#,
    ],
];

/// How large such an ext4 is. What is not written takes no room.
const SIZE: u64 = 128 << 20;

/// How often to try what may be busy for a moment.
const TRIES: usize = 500;

/// A mounted file system; it does not outlive its test.
#[derive(Debug)]
pub struct Disk {
    folder: TempDir,
    is_mounted: bool,
}

impl Disk {
    /// ext4 in a file.
    ///
    /// # Errors
    /// What is missing for it.
    pub fn ext4() -> Result<Self, String> {
        switch_tool()?;
        let mut disk = Self::unmounted();
        File::create(disk.image()).unwrap().set_len(SIZE).unwrap();
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(disk.image()))?;
        disk.mount()?;
        Ok(disk)
    }

    /// A little memory.
    ///
    /// # Errors
    /// What is missing for it.
    pub fn memory(size: &str) -> Result<Self, String> {
        let mut disk = Self::unmounted();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "parlance"]);
        run(mount.arg(disk.point()))?;
        disk.is_mounted = true;
        Ok(disk)
    }

    fn unmounted() -> Self {
        let disk = Disk { folder: tempfile::tempdir().unwrap(), is_mounted: false };
        fs::create_dir(disk.point()).unwrap();
        disk
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn point(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// A folder on it for a server.
    pub fn data(&self) -> PathBuf {
        self.point().join("data")
    }

    /// Gets a power cut ready.
    ///
    /// # Panics
    /// When the tool does not start.
    pub fn switch(&self) -> Switch {
        let [tool, option, script] = switch_tool().unwrap();
        let mut command = Command::new(tool);
        command.args([option, script]).arg(self.point());
        let mut tool = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(tool.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n");
        Switch(tool)
    }

    /// Brings back what had reached the disk when it was cut off, on a device of its own. Whoever took a copy of
    /// all mounts meanwhile, as a container does, holds the old file system, and what is mounted from the same
    /// device is the old one again.
    ///
    /// # Panics
    /// When it can't be copied or mounted.
    pub fn restore(&mut self) {
        self.unmount().unwrap();
        let copy = self.folder.path().join("copy");
        run(Command::new("cp").arg("--sparse=always").args([&self.image(), &copy])).unwrap();
        fs::rename(copy, self.image()).unwrap();
        self.mount().unwrap();
    }

    fn mount(&mut self) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop"]).args([self.image(), self.point()]))?;
        self.is_mounted = true;
        Ok(())
    }

    /// Also gives the loop device back. What another test is starting holds files of this one open until it is
    /// a program of its own.
    fn unmount(&mut self) -> Result<(), String> {
        let umount = || run(Command::new("umount").arg(self.point()));
        let tried = (1..TRIES).find_map(|_| umount().ok());
        tried.map_or_else(umount, Ok)?;
        self.is_mounted = false;
        Ok(())
    }

    /// Fills it up to the last byte.
    ///
    /// # Panics
    /// When it is gone.
    pub fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        // What ext4 puts by for blocks that are not allocated yet is to be had once they are.
        for length in [1 << 20, 1 << 12, 1, 1 << 12, 1] {
            while filler.write_all(&vec![0; length]).is_ok() {}
            filler.sync_data().unwrap();
        }
    }

    /// Makes room again.
    ///
    /// # Panics
    /// When there was room.
    pub fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.point().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted
            && let Err(busy) = self.unmount()
        {
            eprintln!("{busy}");
            // It goes as soon as nobody uses it.
            let _ = run(Command::new("umount").arg("-l").arg(self.point()));
        }
    }
}

/// A power cut that is ready.
#[derive(Debug)]
pub struct Switch(Child);

impl Switch {
    /// Loses whatever is not on the disk; from now on everything fails there.
    ///
    /// # Panics
    /// When the file system does not obey.
    pub fn cut(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn switch_tool() -> Result<[&'static str; 3], String> {
    let installed = |[tool, ..]: &[&str; 3]| run(Command::new(tool).arg("--version")).is_ok();
    SWITCHES.into_iter().find(installed).ok_or_else(|| "neither perl nor python3".to_owned())
}

/// Runs a command to its end.
///
/// # Errors
/// The first line that it said when it failed.
pub fn run(command: &mut Command) -> Result<(), String> {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}: {}", output.status, said.lines().next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::or_skip;

    /// Somebody who took a copy of all mounts, as a container or a network namespace does when it is made.
    fn holder() -> Child {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", "echo held; read _"]);
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "held\n");
        holder
    }

    /// It stayed cut off for as long as somebody had it.
    #[test]
    fn a_disk_comes_back_from_a_cut_though_somebody_holds_it() {
        let Some(mut disk) = or_skip("power cut", Disk::ext4()) else { return };
        let mut holder = holder();
        let mut flushed = File::create(disk.data()).unwrap();
        flushed.write_all(b"flushed").unwrap();
        flushed.sync_all().unwrap();
        drop(flushed);
        fs::write(disk.point().join("not flushed"), "gone").unwrap();
        disk.switch().cut();
        disk.restore();
        assert_eq!(fs::read(disk.data()).unwrap(), b"flushed");
        assert!(!disk.point().join("not flushed").exists());
        fs::write(disk.data(), "it can be written").unwrap();
        drop(holder.stdin.take());
        holder.wait().unwrap();
    }
}
