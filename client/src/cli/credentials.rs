//! Which credential file is meant.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::args::{ReachArgs, Role};

/// Why no credential could be chosen.
#[derive(Debug, Error)]
pub enum ChoiceError {
    /// Nothing fits.
    #[error(
        "no credential{wanted} in {folder}; name the node's folder with --node DIR, or the file you were given with --credential FILE{there}"
    )]
    None {
        /// What was looked for.
        wanted: String,
        /// Where.
        folder: String,
        /// What is there instead.
        there: String,
    },
    /// More than one fits.
    #[error(
        "more than one credential{wanted} in {folder}; choose with --as coordinator|guardian and --centre NAME, or --credential FILE{there}"
    )]
    Several {
        /// What was looked for.
        wanted: String,
        /// Where.
        folder: String,
        /// What fits.
        there: String,
    },
}

/// A name as part of a file name: lower-case letters, digits and single hyphens. Letters with a caron or accent lose it;
/// what cannot be written so is a hyphen. Never empty.
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        let plain = match c {
            'č' | 'ć' | 'ç' => 'c',
            'š' | 'ś' => 's',
            'ž' | 'ź' | 'ż' => 'z',
            'đ' => 'd',
            'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' => 'a',
            'é' | 'è' | 'ê' | 'ë' | 'ě' => 'e',
            'í' | 'ì' | 'î' | 'ï' => 'i',
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ő' => 'o',
            'ú' | 'ù' | 'û' | 'ü' | 'ű' | 'ů' => 'u',
            'ý' => 'y',
            'ñ' | 'ń' | 'ň' => 'n',
            'ř' => 'r',
            'ł' => 'l',
            c => c,
        };
        if plain.is_ascii_alphanumeric() {
            out.push(plain);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() {
        "centre".to_owned()
    } else {
        out.to_owned()
    }
}

/// The credential file the command line means: with `--as`, the one of that role in the node's folder; otherwise the
/// named one; otherwise the only one in the folder.
pub(super) fn choose(reach: &ReachArgs) -> Result<PathBuf, ChoiceError> {
    if let (None, Some(file)) = (reach.role, &reach.credential) {
        return Ok(file.clone());
    }
    let folder = reach.node.join("credentials");
    let all = files(&folder);
    let centre = reach.centre.as_deref();
    let fitting: Vec<&(String, PathBuf)> = (all.iter())
        .filter(|(name, _)| fits(name, reach.role, centre))
        .collect();
    if let [(_, file)] = fitting.as_slice() {
        return Ok(file.clone());
    }
    let wanted = match (reach.role, centre) {
        (Some(role), Some(centre)) => format!(" of a {} of {centre}", role.as_str()),
        (Some(role), None) => format!(" of a {}", role.as_str()),
        (None, Some(centre)) => format!(" for {centre}"),
        (None, None) => String::new(),
    };
    let folder = folder.display().to_string();
    Err(if fitting.is_empty() {
        ChoiceError::None {
            wanted,
            folder,
            there: listed(all.iter()),
        }
    } else {
        ChoiceError::Several {
            wanted,
            folder,
            there: listed(fitting.into_iter()),
        }
    })
}

/// `<centre>-<role>.txt`, as (`<centre>-<role>`, path), in order of name.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name.strip_suffix(".txt")?.to_owned(), entry.path()))
        })
        .collect();
    files.sort();
    files
}

fn fits(name: &str, role: Option<Role>, centre: Option<&str>) -> bool {
    let of_role = |role: Role| name.strip_suffix(role.as_str())?.strip_suffix('-');
    let found = match role {
        Some(role) => of_role(role),
        None => of_role(Role::Coordinator).or_else(|| of_role(Role::Guardian)),
    };
    found.is_some_and(|found| centre.is_none_or(|wanted| found == wanted || found == slug(wanted)))
}

fn listed<'a>(files: impl Iterator<Item = &'a (String, PathBuf)>) -> String {
    let names: Vec<&str> = files.map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(" (there are: {})", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use clap::Parser;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("credentials")).unwrap();
        for name in names {
            std::fs::write(dir.path().join("credentials").join(name), "x").unwrap();
        }
        dir
    }

    fn chosen(dir: &Path, line: &[&str]) -> Result<String, ChoiceError> {
        let node = dir.to_str().unwrap();
        let arguments = ["krog", "whoami", "--node", node]
            .into_iter()
            .chain(line.iter().copied());
        let file = choose(&Cli::try_parse_from(arguments).unwrap().reach)?;
        Ok(file.file_name().unwrap().to_str().unwrap().to_owned())
    }

    #[test]
    fn the_role_chooses_when_there_is_one_centre() {
        let dir = folder(&["lipa-coordinator.txt", "lipa-guardian.txt", "README"]);
        assert_eq!(
            chosen(dir.path(), &["--as", "guardian"]).unwrap(),
            "lipa-guardian.txt"
        );
        let error = chosen(dir.path(), &[]).unwrap_err().to_string();
        assert!(
            error.contains("--as coordinator|guardian") && error.contains("lipa-guardian"),
            "{error}"
        );
    }

    #[test]
    fn the_centre_chooses_among_several() {
        let dir = folder(&[
            "lipa-coordinator.txt",
            "na-obali-coordinator.txt",
            "na-obali-guardian.txt",
        ]);
        let error = chosen(dir.path(), &["--as", "coordinator"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("--centre") && error.contains("lipa-coordinator, na-obali-coordinator"),
            "{error}"
        );
        let line = ["--as", "coordinator", "--centre", "Na obali"];
        assert_eq!(
            chosen(dir.path(), &line).unwrap(),
            "na-obali-coordinator.txt"
        );
        let error = chosen(dir.path(), &["--as", "guardian", "--centre", "Lipa"]).unwrap_err();
        assert!(matches!(error, ChoiceError::None { .. }));
    }

    #[test]
    fn a_named_file_is_taken_as_it_is() {
        let dir = folder(&[]);
        assert_eq!(
            chosen(dir.path(), &["--credential", "/somewhere/mine.txt"]).unwrap(),
            "mine.txt"
        );
    }

    #[test]
    fn a_name_becomes_a_file_name() {
        assert_eq!(slug("Sončna hiša, Žalec"), "soncna-hisa-zalec");
        assert_eq!(slug("../../etc"), "etc");
        assert_eq!(slug("日本"), "centre");
    }
}
