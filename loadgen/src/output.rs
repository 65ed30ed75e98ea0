//! Where a report goes: the terminal, and the files that the flags name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::Path;

use crate::cli::Showing;
use crate::failure::Failure;
use crate::hdr::{self, Log};
use crate::report::{Report, html, text};
use crate::timeline;

/// Standard output, as `--json` alone means it.
const STDOUT: &str = "-";

/// What is printed at the end of a run.
pub fn shown(report: &Report, showing: &Showing, colour: bool) -> String {
    let text = if showing.full { text::full } else { text::summary };
    json_shown(report, showing).unwrap_or_else(|| painted(text(report), report.verdict.valid, colour))
}

/// The report as JSON, when that is what is to be printed.
pub fn json_shown(report: &Report, showing: &Showing) -> Option<String> {
    (showing.json.as_deref() == Some(Path::new(STDOUT))).then(|| as_json(report))
}

/// A summary, its first word green or red where colour is welcome.
fn painted(text: String, is_valid: bool, colour: bool) -> String {
    let end = text.find(':').unwrap_or(0);
    match (colour, is_valid) {
        (false, _) => text,
        (true, true) => format!("\x1b[1;32m{}\x1b[0m{}", &text[..end], &text[end..]),
        (true, false) => format!("\x1b[1;31m{}\x1b[0m{}", &text[..end], &text[end..]),
    }
}

/// Writes every file that the flags name.
///
/// # Errors
/// [`Failure::File`].
pub fn write(report: &Report, showing: &Showing) -> Result<(), Failure> {
    if let Some(path) = showing.json.as_deref().filter(|path| *path != Path::new(STDOUT)) {
        write_file(path, &as_json(report))?;
    }
    if let Some(path) = &showing.csv {
        write_file(path, &timeline::csv(&report.timeline))?;
    }
    if let Some(path) = &showing.html {
        write_file(path, &html::page(report))?;
    }
    if let Some(folder) = &showing.hgrm {
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        for (name, encoded) in &report.histograms {
            let histogram = hdr::decode(encoded).expect("we have just encoded it");
            write_file(&folder.join(format!("{name}.hgrm")), &hdr::distribution(&histogram))?;
        }
    }
    Ok(())
}

/// Sees that every file that the flags name can be written, before a run that would be lost otherwise.
///
/// # Errors
/// [`Failure::File`].
pub fn check(showing: &Showing) -> Result<(), Failure> {
    let json = showing.json.as_ref().filter(|path| *path != Path::new(STDOUT));
    for path in [json, showing.csv.as_ref(), showing.html.as_ref()].into_iter().flatten() {
        can_be_written(path).map_err(|error| failed(path, &error))?;
    }
    let folder = showing.hgrm.as_ref();
    folder.map_or(Ok(()), |folder| fs::create_dir_all(folder).map_err(|error| failed(folder, &error)))
}

/// Leaves what is there as it is, and nothing where there was nothing.
fn can_be_written(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Err(_) => File::create_new(path).and_then(|_| fs::remove_file(path)),
        // Whoever reads a pipe would take this for its end.
        Ok(found) if !found.is_file() && !found.is_dir() => Ok(()),
        Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
    }
}

/// What is printed of a sum: itself when no file is to have it.
///
/// # Errors
/// [`Failure::File`].
pub fn sum(report: &Report, json: Option<&Path>, colour: bool) -> Result<String, Failure> {
    match json {
        None => Ok(painted(text::summary(report), report.verdict.valid, colour)),
        Some(path) if path == Path::new(STDOUT) => Ok(as_json(report)),
        Some(path) => write_file(path, &as_json(report)).map(|()| String::new()),
    }
}

/// Begins a log of histograms.
///
/// # Errors
/// [`Failure::File`].
pub fn log(path: &Path) -> Result<Log<BufWriter<File>>, Failure> {
    let started = File::create(path).and_then(|file| Log::start(BufWriter::new(file)));
    started.map_err(|error| failed(path, &error))
}

fn as_json(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("a report holds only what JSON can") + "\n"
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::File { path: path.to_owned(), why: error.to_string() }
}
