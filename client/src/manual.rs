//! What a system keeps about a program: its manual page, and what its shells complete.

use std::fmt::Write as _;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::errors::{Failure, Outcome};
use crate::terminal::{output_failed, write_out};

/// Prints what makes a shell complete this program's words.
pub(crate) fn completions(shell: Shell) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "client", &mut text);
    write_out(&text)
}

/// Prints the manual page of the program, or of one of its commands.
pub(crate) fn page(command: Option<&str>) -> Outcome {
    let mut program = Cli::command();
    program.build();
    let wanted = match command {
        None => program,
        Some(name) => {
            let found = program.find_subcommand(name);
            found.cloned().ok_or_else(|| Failure::Usage(format!("there is no command {name}")))?
        }
    };
    write_out(&rendered(wanted).map_err(output_failed)?)
}

/// The page, with what `--help` says below the options as the sections that a manual has for it.
fn rendered(command: clap::Command) -> std::io::Result<Vec<u8>> {
    let below = command.get_after_help().map(|words| words.to_string()).unwrap_or_default();
    let has_commands = command.has_subcommands();
    let (page, mut text) = (Man::new(command), Vec::new());
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if has_commands {
        page.render_subcommands_section(&mut text)?;
    }
    text.extend(sections(&below).into_bytes());
    Ok(text)
}

/// Paragraphs with a title become sections, their lines left as they are; those without are notes.
fn sections(below: &str) -> String {
    let (mut out, mut in_notes) = (String::new(), false);
    for paragraph in below.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let titled = paragraph.trim_start_matches('\n').split_once(":\n");
        let (title, lines) = titled.unwrap_or(("Notes", paragraph));
        let title = if title == "Exit codes" { "Exit status" } else { title };
        let fill = if titled.is_some() { ("\n.nf", "\n.fi") } else { ("", "") };
        let lines: Vec<String> = lines.lines().map(escaped).collect();
        let head =
            if titled.is_none() && in_notes { ".PP".into() } else { format!(".SH {}", title.to_uppercase()) };
        in_notes = titled.is_none();
        writeln!(out, "{head}{}\n{}{}", fill.0, lines.join("\n"), fill.1).expect("a string takes everything");
    }
    out
}

/// A line such that roff takes nothing in it for a request of its own.
fn escaped(line: &str) -> String {
    let line = line.strip_prefix("  ").unwrap_or(line);
    let line = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    if line.starts_with('.') { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_below_the_options_has_sections_of_its_own() {
        let below =
            "Examples:\n  client rm 'a\\b'\n\nExit codes:\n  0  done\n\nA note of\ntwo lines.\n\nAnother.";
        let wanted = ".SH EXAMPLES\n.nf\nclient rm \\(aqa\\eb\\(aq\n.fi\n\
                      .SH EXIT STATUS\n.nf\n0  done\n.fi\n\
                      .SH NOTES\nA note of\ntwo lines.\n.PP\nAnother.\n";
        assert_eq!(sections(below), wanted);
        assert_eq!(escaped("  .hidden --x"), "\\&.hidden \\-\\-x");
    }

    #[test]
    fn every_command_has_a_page() {
        let mut program = Cli::command();
        program.build();
        for command in program.get_subcommands() {
            let page = String::from_utf8(rendered(command.clone()).unwrap()).unwrap();
            assert!(page.contains(".SH SYNOPSIS"), "{page}");
        }
    }
}
