//! What can be typed behind `put` and `get`.

use std::path::PathBuf;

use clap::Args;

use super::flags::jobs;

/// Files that are on their way at once, unless somebody says otherwise: a small file costs a round trip
/// or two, and these overlap.
pub(crate) const JOBS: usize = 4;

/// What to send.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  client put report.pdf a.txt
  client put -r photos                      as photos/…
  client put -r photos --as 2026/summer     as 2026/summer/…
  tar c src | client put - --as src.tar

A large file that is cut off goes on where it was, also when the same command is given again. What is \
stored is compared by its hash. It replaces at once what had its name there, and the line says so; with \
--no-clobber that is kept, the file is not sent, and the exit code is 7. What is there already, byte for \
byte, is not sent again (a pipe is, for nobody knows it before). All this goes by what is there as a file is begun: of two that are sent under one \
name at the same time the later wins.

Links, pipes and devices in a folder are left out, and so are files whose names the service does not take, \
such as those that begin with a dot. One line says which, and with such files the exit code is 6.")]
pub(crate) struct Put {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What to call it there [default: the file's own name]
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Send folders with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Replace nothing that is there
    #[arg(short, long)]
    pub(crate) no_clobber: bool,
    /// How many files are sent at once
    #[arg(short, long, value_name = "COUNT", default_value_t = JOBS, value_parser = jobs)]
    pub(crate) jobs: usize,
}

/// What to fetch.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  client get report.pdf --to Downloads/
  client get 'notes/*.txt'                  quoted, so that no shell expands it
  client get -r photos                      into ./photos
  client get src.tar --to - | tar x

A file is first written beside its place, as .NAME.HASH.part, and moved there when its hash is right. When \
that is cut off, the same command goes on from there. A file that is there already is replaced only with \
--force.")]
pub(crate) struct Get {
    /// Their names there, or patterns: 'notes/*.txt'
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Where to put it: a file, a folder, or `-` for standard output [default: the last part of NAME]
    #[arg(long, value_name = "PATH")]
    pub(crate) to: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
    /// Fetch folders with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// How many files are fetched at once
    #[arg(short, long, value_name = "COUNT", default_value_t = JOBS, value_parser = jobs)]
    pub(crate) jobs: usize,
}
