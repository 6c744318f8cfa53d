//! The program: flags in, exit code out.

use std::{io::Write as _, process::ExitCode};

use forkcast::{
    check,
    cli::{Command, default_state},
    config::{Config, Disk, Given, Resolved, ServeOptions},
    demo, health, key, serve,
};

fn main() -> ExitCode {
    let command = match Command::read(std::env::args_os()) {
        Ok(command) => command,
        Err(error) => {
            // Help and version come here too: they go to standard output, with exit code 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the system gives no threads or file descriptors to run with: {error}");
            return ExitCode::FAILURE;
        }
    };
    let exit = match command {
        Command::Serve(given) => runtime.block_on(serve::run(given)),
        Command::Check { given, explain, connect } => {
            let mut server = resolve(&given);
            let mut config = Config::load(&Disk::default(), &server.options.destinations);
            config.note_own_listeners(&server.options);
            server.problems.extend(check::state_problem(&server.options.state, &config));
            let report = check::report(&server, &config, explain);
            // A reader that has seen enough is no failure.
            let _ = std::io::stdout().write_all(report.text.as_bytes());
            let exit_code = match connect {
                true => report.exit_code.max(runtime.block_on(check::connect(
                    &mut std::io::stdout(),
                    &server,
                    &config,
                    explain,
                ))),
                false => report.exit_code,
            };
            ExitCode::from(exit_code)
        }
        Command::Health(given) => health::run(&resolve(&given)),
        Command::Key(command) => key::run(&command),
        Command::Demo { seconds } => runtime.block_on(demo::run(seconds)),
    };
    // A name that is still being looked up would be waited for.
    runtime.shutdown_background();
    exit
}

fn resolve(given: &Given) -> Resolved {
    ServeOptions::resolve(given, &Disk::default(), &default_state())
}
