//! Law 2, the closed vocabulary: nothing that crosses the wall can carry a person. The walk reads the descriptors, not
//! the text, so it sees what every program built from the `.proto` files sees.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "vocabulary/options.rs"]
mod options;
#[path = "vocabulary/walk.rs"]
mod walk;
#[path = "vocabulary/words.rs"]
mod words;

use std::path::Path;

use prost_reflect::DescriptorPool;
use protox::file::{
    ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver,
};
use walk::{Rule, Violation, payloads, walk};

fn house() -> DescriptorPool {
    DescriptorPool::decode(krog_proto::DESCRIPTOR_SET).unwrap()
}

#[test]
fn nothing_that_crosses_the_wall_can_carry_a_person() {
    let found = walk(&house());
    assert!(found.is_empty(), "{} violations:\n{found:#?}", found.len());
}

#[test]
fn every_registered_kind_of_entry_is_walked() {
    let pool = house();
    let registered = payloads(&pool);
    assert!(registered.len() >= 9, "only {registered:?}");
    for message in registered.values() {
        assert!(pool.get_message_by_name(message).is_some(), "{message}");
    }
}

#[test]
fn every_allowed_word_is_still_needed() {
    let pool = house();
    for (field, why) in words::ALLOWED {
        let (message, name) = field.rsplit_once('.').unwrap();
        let message = pool.get_message_by_name(&format!("krog.federation.v1.{message}"));
        let known = message.is_some_and(|message| message.get_field_by_name(name).is_some());
        assert!(
            known,
            "{field} is allowed ({why}) and no longer exists: take it off the list"
        );
    }
}

/// One string as a `.proto` file.
struct Source(String);

const NAME: &str = "krog/federation/v1/trial.proto";

impl FileResolver for Source {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == NAME {
            File::from_source(name, &self.0)
        } else {
            Err(protox::Error::file_not_found(name))
        }
    }
}

fn compiled(source: &str) -> DescriptorPool {
    let mut files = ChainFileResolver::new();
    files.add(Source(source.to_owned()));
    files.add(IncludeFileResolver::new(
        Path::new(env!("CARGO_MANIFEST_DIR")).to_owned(),
    ));
    files.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(files);
    compiler.include_imports(true).include_source_info(true);
    compiler
        .open_file(NAME)
        .unwrap_or_else(|error| panic!("{error:?}\n{source}"));
    DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap()
}

/// A small package that keeps every rule; each test below breaks one.
const SOUND: &str = r#"
syntax = "proto3";
package krog.federation.v1;
import "krog/options.proto";
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/descriptor.proto";
import "krog/centre/v1/people.proto";

// Kinds.
enum EntryKind {
  // None.
  ENTRY_KIND_UNSPECIFIED = 0;
  // One.
  ENTRY_KIND_PARCEL = 1 [(krog.payload) = "krog.federation.v1.Parcel"];
}

// A parcel.
message Parcel {
  // A digest.
  bytes digest = 1 [(krog.content) = {holds: HASH, max_bytes: 32}];
  // Codes.
  repeated string codes = 2 [(krog.content) = {holds: CODE, max_bytes: 32, max_count: 4}];
  // A count.
  uint32 count = 3 [(krog.range) = {min: 0, max: 9}];
  // Smaller ones.
  repeated Piece pieces = 4 [(krog.max_count) = 3];
  // Another inside.
  bytes inside = 5 [(krog.content) = {holds: ENCODED, max_bytes: 64, of: "krog.federation.v1.Piece"}];
}

// A piece.
message Piece {
  // One of them.
  oneof choice {
    // True or not.
    bool yes = 1;
    // Steps.
    sint32 steps = 2 [(krog.range) = {min: -5, max: 5}];
  }
}

// An envelope.
message Envelope {
  // What is inside.
  bytes payload = 1 [(krog.content) = {holds: ENCODED, max_bytes: 64, of: "payload"}];
}

// Calls.
service Post {
  // Sends.
  rpc Send(SendRequest) returns (SendResponse);
  // Asks.
  rpc Ask(AskRequest) returns (AskResponse);
}

// Request of Send.
message SendRequest {}
// Response to Send.
message SendResponse {
  // A figure for readers, in no payload.
  double figure = 1;
}
// Request of Ask.
message AskRequest {}
// Response to Ask.
message AskResponse {}
"#;

fn broken(from: &str, to: &str) -> Vec<Violation> {
    assert!(
        SOUND.contains(from),
        "the sound file does not hold {from:?}"
    );
    walk(&compiled(&SOUND.replacen(from, to, 1)))
}

#[track_caller]
fn refuses(rule: Rule, place: &str, from: &str, to: &str) {
    let found = broken(from, to);
    let place = format!("krog.federation.v1.{place}");
    let hit = found
        .iter()
        .any(|violation| violation.rule == rule && violation.place == place);
    assert!(hit, "{rule:?} at {place} is not among {found:#?}");
}

/// One more field of a parcel.
#[track_caller]
fn refuses_field(rule: Rule, name: &str, field: &str) {
    let more = format!("message Parcel {{\n  // More.\n  {field}\n");
    refuses(rule, &format!("Parcel.{name}"), "message Parcel {\n", &more);
}

#[test]
fn a_sound_package_passes() {
    let found = walk(&compiled(SOUND));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn an_undeclared_string_or_bytes_field_is_refused() {
    refuses_field(Rule::Content, "extra", "string extra = 9;");
    refuses_field(Rule::Content, "extra", "bytes extra = 9;");
    refuses_field(Rule::Content, "extra", "repeated string extra = 9;");
    refuses_field(Rule::Content, "extra", "oneof more { string extra = 9; }");
}

#[test]
fn an_unknown_kind_of_content_is_refused() {
    refuses_field(
        Rule::Content,
        "extra",
        "string extra = 9 [(krog.content) = {max_bytes: 9}];",
    );
    refuses_field(
        Rule::Content,
        "extra",
        "string extra = 9 [(krog.content) = {holds: HOLDS_UNSPECIFIED, max_bytes: 9}];",
    );
}

#[test]
fn a_kind_in_the_wrong_type_is_refused() {
    refuses_field(
        Rule::Content,
        "extra",
        "string extra = 9 [(krog.content) = {holds: HASH, max_bytes: 32}];",
    );
    refuses_field(
        Rule::Content,
        "extra",
        "bytes extra = 9 [(krog.content) = {holds: CODE, max_bytes: 32}];",
    );
}

#[test]
fn a_missing_or_roomy_size_is_refused() {
    refuses_field(
        Rule::Size,
        "extra",
        "bytes extra = 9 [(krog.content) = {holds: HASH}];",
    );
    refuses_field(
        Rule::Size,
        "extra",
        "bytes extra = 9 [(krog.content) = {holds: HASH, max_bytes: 4096}];",
    );
    refuses_field(
        Rule::Size,
        "extra",
        "string extra = 9 [(krog.content) = {holds: CODE, max_bytes: 500}];",
    );
}

#[test]
fn encoded_bytes_name_a_message_that_exists() {
    let field = |of: &str| {
        format!("bytes extra = 9 [(krog.content) = {{holds: ENCODED, max_bytes: 9{of}}}];")
    };
    refuses_field(Rule::Encoded, "extra", &field(""));
    refuses_field(
        Rule::Encoded,
        "extra",
        &field(", of: \"krog.federation.v1.Nothing\""),
    );
    refuses_field(
        Rule::Outside,
        "extra",
        &field(", of: \"krog.centre.v1.Member\""),
    );
}

#[test]
fn the_walk_goes_on_inside_encoded_bytes_of_another_package() {
    let found = broken(
        "of: \"krog.federation.v1.Piece\"",
        "of: \"krog.centre.v1.Member\"",
    );
    let inside = found
        .iter()
        .any(|violation| violation.place.starts_with("krog.centre.v1.Member."));
    assert!(inside, "{found:#?}");
}

#[test]
fn a_kind_of_entry_without_a_payload_message_is_refused() {
    let option = "[(krog.payload) = \"krog.federation.v1.Parcel\"]";
    refuses(Rule::Payload, "ENTRY_KIND_PARCEL", option, "");
    refuses(
        Rule::Payload,
        "ENTRY_KIND_PARCEL",
        option,
        "[(krog.payload) = \"krog.federation.v1.Nothing\"]",
    );
    refuses(
        Rule::Outside,
        "ENTRY_KIND_PARCEL",
        option,
        "[(krog.payload) = \"krog.centre.v1.Member\"]",
    );
    refuses(Rule::Encoded, "Envelope.payload", option, "");
}

#[test]
fn an_integer_without_a_sound_range_is_refused() {
    refuses_field(Rule::Range, "extra", "uint64 extra = 9;");
    refuses_field(
        Rule::Range,
        "extra",
        "repeated fixed32 extra = 9 [(krog.max_count) = 3];",
    );
    refuses_field(
        Rule::Range,
        "extra",
        "sint32 extra = 9 [(krog.range) = {min: 3, max: 2}];",
    );
    refuses_field(
        Rule::Range,
        "extra",
        "uint32 extra = 9 [(krog.range) = {min: -1, max: 2}];",
    );
    refuses_field(
        Rule::Range,
        "extra",
        "uint32 extra = 9 [(krog.range) = {min: 0, max: 4294967295}];",
    );
}

#[test]
fn a_repeated_field_without_a_count_is_refused() {
    refuses_field(Rule::Count, "extra", "repeated Piece extra = 9;");
    refuses_field(Rule::Count, "extra", "repeated bool extra = 9;");
    refuses_field(
        Rule::Count,
        "extra",
        "repeated bytes extra = 9 [(krog.content) = {holds: HASH, max_bytes: 32}];",
    );
    refuses_field(Rule::Count, "extra", "map<uint32, bool> extra = 9;");
}

#[test]
fn an_option_that_says_nothing_is_refused() {
    refuses_field(
        Rule::Misplaced,
        "extra",
        "bool extra = 9 [(krog.content) = {holds: HASH, max_bytes: 32}];",
    );
    refuses_field(
        Rule::Misplaced,
        "extra",
        "bool extra = 9 [(krog.range) = {min: 0, max: 1}];",
    );
    refuses_field(
        Rule::Misplaced,
        "extra",
        "Piece extra = 9 [(krog.max_count) = 1];",
    );
    refuses_field(
        Rule::Misplaced,
        "extra",
        "bytes extra = 9 [(krog.content) = {holds: HASH, max_bytes: 32, of: \"krog.federation.v1.Piece\"}];",
    );
}

#[test]
fn nothing_of_another_package_is_let_in() {
    refuses_field(Rule::Outside, "extra", "google.protobuf.Any extra = 9;");
    refuses_field(Rule::Outside, "extra", "google.protobuf.Struct extra = 9;");
    refuses_field(Rule::Outside, "extra", "krog.centre.v1.Member extra = 9;");
    refuses_field(Rule::Outside, "extra", "krog.Holds extra = 9;");
    refuses(
        Rule::Outside,
        "Post.Send",
        "rpc Send(SendRequest)",
        "rpc Send(krog.centre.v1.Member)",
    );
    let slipped = "// More.\nextend google.protobuf.FieldOptions {\n  // More.\n  string slipped = 50900;\n}\n// Calls.";
    refuses(Rule::Outside, "slipped", "// Calls.", slipped);
}

#[test]
fn a_fraction_in_a_payload_is_refused() {
    refuses_field(Rule::Fraction, "extra", "double extra = 9;");
    refuses(
        Rule::Fraction,
        "Piece.more",
        "message Piece {\n",
        "message Piece {\n  // More.\n  float more = 9;\n",
    );
}

#[test]
fn a_field_named_like_a_person_is_refused() {
    for name in [
        "author",
        "member_id",
        "contacts",
        "date_of_birth",
        "email",
        "phone_number",
        "note",
        "answered_day",
    ] {
        refuses_field(
            Rule::Person,
            name,
            &format!("bytes {name} = 9 [(krog.content) = {{holds: HASH, max_bytes: 32}}];"),
        );
    }
}

#[test]
fn a_message_shared_by_two_calls_is_refused() {
    refuses(
        Rule::Shared,
        "SendRequest",
        "rpc Ask(AskRequest)",
        "rpc Ask(SendRequest)",
    );
    refuses(
        Rule::Shared,
        "Post.Ask",
        "returns (AskResponse)",
        "returns (Parcel)",
    );
}

#[test]
fn a_missing_comment_is_refused() {
    refuses(Rule::Comment, "Parcel", "// A parcel.", "");
    refuses(Rule::Comment, "Parcel.digest", "// A digest.", "");
    refuses(Rule::Comment, "Piece.choice", "// One of them.", "");
    refuses(Rule::Comment, "ENTRY_KIND_PARCEL", "// One.", "");
    refuses(Rule::Comment, "EntryKind", "// Kinds.", "");
    refuses(Rule::Comment, "Post", "// Calls.", "");
    refuses(Rule::Comment, "Post.Send", "// Sends.", "");
}

#[test]
fn a_package_without_its_version_is_refused() {
    let found = walk(&compiled(
        &SOUND.replace("krog.federation.v1", "krog.federation"),
    ));
    assert!(
        found
            .iter()
            .any(|violation| violation.rule == Rule::Package && violation.place == NAME),
        "{found:#?}"
    );
}
