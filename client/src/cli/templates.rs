//! `krog templates …`: every document is verified here before a word of it is shown.

use data_encoding::HEXLOWER;
use krog_proto::federation::v1 as pb;
use krog_templates::{PartKind, Template};
use pb::library_client::LibraryClient;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::CliError;
use super::args::Templates;
use super::network::{describe, node_name};
use super::output::Answer;
use super::progress::during;
use crate::call::CallError;
use crate::report::clean;
use crate::report::table::{Cell, Column, Table, WIDTH};
use crate::report::wrap;

/// Language shown in lists; a template without it shows its first one.
const LANGUAGE: &str = "en";

/// A template that is what its version says.
struct Arrived {
    version: String,
    publisher: String,
    template: Template,
}

pub(super) async fn run(
    library: &mut LibraryClient<Channel>,
    command: Templates,
) -> Result<Answer, CliError> {
    let (arrived, unsound) = during("reading templates", fetch(library)).await?;
    match command {
        Templates::List => Ok(listed(&arrived, unsound)),
        Templates::Show { version } => Ok(shown(choose(&arrived, &version)?)),
    }
}

async fn fetch(library: &mut LibraryClient<Channel>) -> Result<(Vec<Arrived>, usize), CliError> {
    let mut arrived = Vec::new();
    let mut unsound = 0;
    for network in describe(library).await? {
        let request = pb::ListTemplatesRequest {
            network: network.network.clone(),
        };
        let response = library
            .list_templates(request)
            .await
            .map_err(CallError::from)?;
        for published in response.into_inner().templates {
            match verify(&published, &network) {
                Some(template) => arrived.push(template),
                None => unsound += 1,
            }
        }
    }
    Ok((arrived, unsound))
}

/// A published template whose bytes are sound and have the hash under which they were published.
fn verify(published: &pb::PublishedTemplate, network: &pb::DescribedNetwork) -> Option<Arrived> {
    let pb::PublishedTemplate {
        node,
        version,
        document,
    } = published;
    let template = Template::from_bytes(document).ok()?;
    if template.version().as_slice() != version.as_slice() {
        return None;
    }
    let publisher = node_name(network, node);
    Some(Arrived {
        version: HEXLOWER.encode(version),
        publisher,
        template,
    })
}

fn listed(arrived: &[Arrived], unsound: usize) -> Answer {
    let table = |digits: usize| {
        let mut table = Table::new([
            Column::words("version", "version"),
            Column::words("code", "code"),
            Column::words("title", "title"),
            Column::words("facilitation", "led by"),
            Column::words("publisher", "published by"),
        ]);
        for Arrived {
            version,
            publisher,
            template,
        } in arrived
        {
            table.push([
                Cell::text(version.chars().take(digits).collect::<String>()),
                Cell::text(template.code().as_str()),
                Cell::text(template.title(LANGUAGE)),
                Cell::text(template.facilitation().to_string()),
                Cell::text(publisher),
            ]);
        }
        table
    };
    let mut text = if arrived.is_empty() {
        "No templates have arrived.\n".to_owned()
    } else {
        table(12).text()
    };
    if unsound > 0 {
        text.push_str(&format!(
            "{unsound} more are not what they say they are, and are not shown.\n"
        ));
    }
    Answer::new(
        text,
        json!({"templates": table(64).json(), "unsound": unsound}),
    )
}

fn choose<'a>(arrived: &'a [Arrived], wanted: &str) -> Result<&'a Arrived, CliError> {
    let lower = wanted.to_ascii_lowercase();
    let mut fitting: Vec<&Arrived> = (arrived.iter())
        .filter(|one| {
            one.template.code().as_str() == wanted
                || (lower.len() >= 4 && one.version.starts_with(&lower))
        })
        .collect();
    fitting.sort_by(|a, b| a.version.cmp(&b.version));
    // The same version may have come from two publishers.
    fitting.dedup_by(|a, b| a.version == b.version);
    match fitting.as_slice() {
        [one] => Ok(one),
        [] => Err(CliError::Refused(
            "no such template has arrived; `krog templates list` shows those that have".to_owned(),
        )),
        several => {
            let versions: Vec<&str> = several
                .iter()
                .filter_map(|one| one.version.get(..12))
                .collect();
            Err(CliError::Usage(format!(
                "more than one version fits: {}; give more digits",
                versions.join(", ")
            )))
        }
    }
}

fn shown(arrived: &Arrived) -> Answer {
    let Arrived {
        version,
        publisher,
        template,
    } = arrived;
    let languages: Vec<&str> = template
        .languages()
        .into_iter()
        .map(|language| language.as_str())
        .collect();
    let measures: Vec<String> = template
        .measures()
        .iter()
        .map(|measure| measure.code.to_string())
        .collect();
    let mut text = format!(
        "{}\n{}\nversion {version}\npublished by {}, licence {}, led by {}, {} minutes, in {}\n",
        clean(template.title(LANGUAGE)),
        "=".repeat(template.title(LANGUAGE).chars().count()),
        clean(publisher),
        template.licence().as_str(),
        template.facilitation(),
        template.minutes(),
        languages.join(", "),
    );
    if !measures.is_empty() {
        text.push_str(&format!(
            "measures to choose from: {}\n",
            measures.join(", ")
        ));
    }
    let mut parts = Vec::new();
    for kind in PartKind::ALL {
        let of_kind = template.parts(kind);
        if of_kind.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{}\n", kind.as_str()));
        for part in of_kind {
            let minutes = part
                .minutes()
                .map(|minutes| format!(", {minutes} min"))
                .unwrap_or_default();
            text.push_str(&format!(
                "  {} ({}{minutes})\n",
                part.key().as_str(),
                part.lock().as_str()
            ));
            for line in wrap(&clean(part.text(LANGUAGE)), WIDTH - 4) {
                text.push_str(&format!("    {line}\n"));
            }
            parts.push(part_json(part));
        }
    }
    let json = json!({
        "version": version,
        "lineage": HEXLOWER.encode(&template.lineage()),
        "parents": template.parents().iter().map(|parent| HEXLOWER.encode(parent)).collect::<Vec<_>>(),
        "publisher": publisher,
        "code": template.code().as_str(),
        "facilitation": template.facilitation().to_string(),
        "licence": template.licence().as_str(),
        "languages": languages,
        "measures": measures,
        "parts": parts,
    });
    Answer::new(text, json)
}

fn part_json(part: &krog_templates::Part) -> Value {
    let words: serde_json::Map<String, Value> = (part.wordings())
        .map(|(language, text)| (language.as_str().to_owned(), json!(text)))
        .collect();
    let mut json = json!({
        "kind": part.kind().as_str(),
        "key": part.key().as_str(),
        "lock": part.lock().as_str(),
        "words": words,
    });
    if let (Some(minutes), Value::Object(fields)) = (part.minutes(), &mut json) {
        fields.insert("minutes".to_owned(), json!(minutes));
    }
    json
}
