//! What `krogd` says on a terminal. The only place that prints.

use std::io::Write;

/// Text on standard output, ended by a line end.
pub fn lines(text: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed the pipe does not want the rest.
    let _ = out.write_all(text.trim_end().as_bytes());
    let _ = out.write_all(b"\n");
    let _ = out.flush();
}

/// An error on standard error: what happened, then why, one cause a line.
pub fn error(error: &anyhow::Error) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "krogd: {error}");
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Transparent errors repeat their cause.
        if cause != last {
            let _ = writeln!(out, "  because: {cause}");
        }
        last = cause;
    }
}
