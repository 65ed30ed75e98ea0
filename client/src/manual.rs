//! What a system keeps about a program: its manual page, and what its shells complete.

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
    let mut text = Vec::new();
    Man::new(wanted).render(&mut text).map_err(output_failed)?;
    write_out(&text)
}
