//! `cargo xtask serve`: the page at a local address, rebuilt when a file changes.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::{CommandExt, parent_id};
use std::thread;
use std::time::Duration;

use crate::command::ServeProfile;
use crate::failure::Failure;
use crate::project::Project;
use crate::{build, http, setup, steps, unicorn};

const PORT: u16 = 8080;
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Installs what is missing and becomes `trunk serve`, so that Ctrl-C and signals reach it and no process remains.
pub(crate) fn run(project: &Project, profile: ServeProfile) -> Result<(), Failure> {
    check_port_is_free()?;
    let wasm = match profile {
        ServeProfile::Development => setup::for_serve(project)?,
        ServeProfile::Release => setup::for_build(project)?,
    };
    if let Err(failure) = unicorn::ensure(project) {
        println!("{failure}\nThe page works without Unicorn.");
    }
    let mut trunk = build::trunk(project, &wasm, "serve");
    // Not dist/, which holds release builds.
    trunk.arg("--dist").arg(project.target().join("serve"));
    trunk.args(["--address", "127.0.0.1", "--port", &PORT.to_string(), "--disable-address-lookup"]);
    if profile == ServeProfile::Release {
        trunk.arg("--release");
    }
    std::fs::create_dir_all(project.target().join("serve")).map_err(|error| Failure::io(&project.target(), &error))?;
    start_announcer(project)?;
    let error = trunk.exec();
    Err(steps::cannot_start(&trunk, &error))
}

fn check_port_is_free() -> Result<(), Failure> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Failure::new(
            format!(
                "port {PORT} of 127.0.0.1 is in use: another program serves there, perhaps an earlier cargo xtask serve"
            ),
            format!("stop that program (ss -ltnp 'sport = :{PORT}' names it), then run the command again"),
        )),
        _ => Ok(()),
    }
}

fn start_announcer(project: &Project) -> Result<(), Failure> {
    let own = std::env::current_exe().map_err(|error| Failure::io(project.root(), &error))?;
    let mut announcer = project.command(own);
    announcer.arg("serve-announce");
    announcer.spawn().map(drop).map_err(|error| steps::cannot_start(&announcer, &error))
}

/// The announcer waits until the page answers, says so, and ends. It ends early with the server that started it.
pub(crate) fn announce() -> Result<(), Failure> {
    let server = parent_id();
    while parent_id() == server {
        if page_answers() {
            println!("\nThe playground answers at http://127.0.0.1:{PORT} (Ctrl-C stops it)\n");
            break;
        }
        thread::sleep(ASK_EVERY);
    }
    Ok(())
}

/// Whether the server answers both for the page and for the program that it names.
fn page_answers() -> bool {
    let answered = |path: &str| http::get(PORT, path).filter(|response| response.status == 200);
    answered("/")
        .and_then(|page| wasm_of_page(&page.body).map(str::to_owned))
        .is_some_and(|wasm| answered(&wasm).is_some())
}

/// The path of the wasm file that the page's HTML preloads.
fn wasm_of_page(html: &str) -> Option<&str> {
    let end = html.find("_bg.wasm")? + "_bg.wasm".len();
    let before = html.get(..end)?;
    let start = before.rfind(['"', '\'', '='])? + 1;
    before.get(start..).map(|path| path.trim_start_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wasm_of_a_page_is_found() {
        let check = |html, expected| assert_eq!(wasm_of_page(html), expected, "{html}");
        check(r#"<link rel="preload" href="./cr3-web-1f_bg.wasm" as="fetch">"#, Some("/cr3-web-1f_bg.wasm"));
        check("<link rel=preload href=./cr3-web-1f_bg.wasm>", Some("/cr3-web-1f_bg.wasm"));
        check("<p>the build failed</p>", None);
        check("_bg.wasm", None);
    }
}
