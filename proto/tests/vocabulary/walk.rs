//! The walk over the descriptors: what every message that crosses the wall must declare, and what it must not hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor,
    FileDescriptor, Kind, MessageDescriptor,
};

use super::options::{
    enum_name, extension, field_number, field_text, inner, integer_bounds, number, signed, text,
};
use super::words;

/// The package that crosses the wall.
const SHARED: &str = "krog.federation.v1";
/// The enum whose values register entry payloads.
const ENTRY_KIND: &str = "krog.federation.v1.EntryKind";
/// The one file without a version: the options themselves.
const OPTIONS_FILE: &str = "krog/options.proto";

/// What a field may hold, how large one value may be, and whether it is text: a digest of 4 KiB would be a letter.
const KINDS: &[(&str, u64, bool)] = &[
    ("HASH", 32, false),
    ("SIGNATURE", 72, false),
    // A hybrid public key that also resists quantum computers takes 1216 bytes.
    ("KEY", 1_216, false),
    // The verifier shares of a thousand centres.
    ("SEALED", 1_000_000, false),
    ("ADDRESS", 260, true),
    ("CODE", 48, true),
    ("TEMPLATE_TEXT", 4_000, true),
    ("PUBLIC_NAME", 200, true),
    ("ENCODED", 262_144, false),
    ("NONCE", 32, false),
    ("SHARE", 65_536, false),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Every string and bytes field says what it holds, by a known kind that fits its type.
    Content,
    /// Every string and bytes field has a greatest size, and one that suits its kind.
    Size,
    /// What is encoded in bytes is a message of the package that is walked too.
    Encoded,
    /// Every registered kind of entry names the message of its payload.
    Payload,
    /// Every integer has a range that its type can hold.
    Range,
    /// Every repeated field has a greatest count, no single one has, and there are no maps.
    Count,
    /// An option stands where it says nothing.
    Misplaced,
    /// Nothing of another package is referenced or slipped in by an extension.
    Outside,
    /// A payload holds no fractions: what is told is told in steps.
    Fraction,
    /// No field is named like something about a person.
    Person,
    /// Each call has its own request and its own response.
    Shared,
    /// Everything has a comment.
    Comment,
    /// Packages carry their version.
    Package,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub rule: Rule,
    pub place: String,
    pub detail: String,
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}: {}", self.rule, self.place, self.detail)
    }
}

/// Everything in `pool` that breaks the closed vocabulary, in order of rule and place.
pub fn walk(pool: &DescriptorPool) -> Vec<Violation> {
    let mut walk = Walk {
        pool,
        content: extension(pool, "krog.content"),
        range: extension(pool, "krog.range"),
        max_count: extension(pool, "krog.max_count"),
        payload: extension(pool, "krog.payload"),
        found: Vec::new(),
    };
    walk.messages();
    walk.extensions();
    for file in pool.files().filter(is_ours) {
        walk.package(&file);
        walk.comments(&file);
    }
    walk.calls();
    walk.found.sort();
    walk.found
}

/// The payload messages of the registered kinds of entry.
pub fn payloads(pool: &DescriptorPool) -> BTreeMap<String, String> {
    let option = extension(pool, "krog.payload");
    let values = pool
        .get_enum_by_name(ENTRY_KIND)
        .into_iter()
        .flat_map(|kinds| {
            kinds
                .values()
                .map(|value| (value.name().to_owned(), text(&value.options(), &option)))
                .collect::<Vec<_>>()
        });
    values.filter(|(_, payload)| !payload.is_empty()).collect()
}

struct Walk<'a> {
    pool: &'a DescriptorPool,
    content: ExtensionDescriptor,
    range: ExtensionDescriptor,
    max_count: ExtensionDescriptor,
    payload: ExtensionDescriptor,
    found: Vec<Violation>,
}

impl Walk<'_> {
    fn report(&mut self, rule: Rule, place: &str, detail: impl Into<String>) {
        self.found.push(Violation {
            rule,
            place: place.to_owned(),
            detail: detail.into(),
        });
    }

    /// Visits every message of the shared package, every message of its calls, and all that hangs from them.
    fn messages(&mut self) {
        let mut open: Vec<MessageDescriptor> = self
            .pool
            .all_messages()
            .filter(|message| message.package_name() == SHARED)
            .collect();
        for service in self
            .pool
            .services()
            .filter(|service| service.package_name() == SHARED)
        {
            for method in service.methods() {
                for message in [method.input(), method.output()] {
                    if message.package_name() != SHARED {
                        let detail = format!("the call speaks {}", message.full_name());
                        self.report(Rule::Outside, method.full_name(), detail);
                    }
                    open.push(message);
                }
            }
        }
        for name in self.payload_names() {
            open.extend(self.pool.get_message_by_name(&name));
        }
        let mut seen = BTreeSet::new();
        while let Some(message) = open.pop() {
            if seen.insert(message.full_name().to_owned()) {
                for field in message.fields() {
                    open.extend(self.field(&field));
                }
            }
        }
        self.fractions();
    }

    /// Checks one field; gives the messages that hang from it.
    fn field(&mut self, field: &FieldDescriptor) -> Vec<MessageDescriptor> {
        let place = field.full_name();
        if let Some(word) = words::person_word(place, field.name()) {
            self.report(
                Rule::Person,
                place,
                format!("\"{word}\" sounds like something about a person"),
            );
        }
        if field.is_map() {
            self.report(
                Rule::Count,
                place,
                "a map has no order and no greatest count: use a repeated message",
            );
        }
        let options = field.options();
        let is_content = matches!(field.kind(), Kind::String | Kind::Bytes);
        if !is_content && options.has_extension(&self.content) {
            self.report(
                Rule::Misplaced,
                place,
                "(krog.content) on a field that is neither string nor bytes",
            );
        }
        if integer_bounds(&field.kind()).is_none() && options.has_extension(&self.range) {
            self.report(
                Rule::Misplaced,
                place,
                "(krog.range) on a field that is no integer",
            );
        }
        let count = if is_content {
            self.content_count(&options)
        } else {
            number(&options, &self.max_count)
        };
        if is_content && options.has_extension(&self.max_count) {
            self.report(
                Rule::Misplaced,
                place,
                "the count of a string or bytes field stands in its (krog.content)",
            );
        }
        match (field.is_list(), count) {
            (true, 0) => self.report(Rule::Count, place, "repeated without a max_count"),
            (false, 1..) => self.report(
                Rule::Misplaced,
                place,
                "max_count on a field that is not repeated",
            ),
            _ => {}
        }
        match field.kind() {
            Kind::String | Kind::Bytes => self.content(field, &options),
            Kind::Message(message) => {
                if message.package_name() != SHARED {
                    self.report(
                        Rule::Outside,
                        place,
                        format!("refers to {}", message.full_name()),
                    );
                }
                vec![message]
            }
            Kind::Enum(kind) => {
                if kind.package_name() != SHARED {
                    self.report(
                        Rule::Outside,
                        place,
                        format!("refers to {}", kind.full_name()),
                    );
                }
                Vec::new()
            }
            Kind::Double | Kind::Float | Kind::Bool => Vec::new(),
            kind => {
                self.range(place, &kind, &options);
                Vec::new()
            }
        }
    }

    fn content(
        &mut self,
        field: &FieldDescriptor,
        options: &DynamicMessage,
    ) -> Vec<MessageDescriptor> {
        let place = field.full_name();
        let Some(content) = inner(options, &self.content) else {
            self.report(
                Rule::Content,
                place,
                "a string or bytes field without (krog.content)",
            );
            return Vec::new();
        };
        let holds = enum_name(&content, "holds");
        let Some(&(_, cap, is_text)) = KINDS
            .iter()
            .find(|(name, ..)| Some(*name) == holds.as_deref())
        else {
            self.report(Rule::Content, place, "(krog.content) names no known kind");
            return Vec::new();
        };
        let holds = holds.unwrap_or_default();
        if is_text != matches!(field.kind(), Kind::String) {
            self.report(
                Rule::Content,
                place,
                format!("{holds} does not go into this type"),
            );
        }
        match field_number(&content, "max_bytes") {
            0 => self.report(Rule::Size, place, "max_bytes is missing"),
            size if size > cap => self.report(
                Rule::Size,
                place,
                format!("max_bytes {size} is above {cap} for {holds}"),
            ),
            _ => {}
        }
        let of = field_text(&content, "of");
        if holds != "ENCODED" {
            if !of.is_empty() {
                self.report(Rule::Misplaced, place, format!("`of` on {holds}"));
            }
            return Vec::new();
        }
        let names = if of == "payload" {
            self.payload_names()
        } else {
            vec![of]
        };
        if names.is_empty() {
            self.report(Rule::Encoded, place, "no kind of entry registers a payload");
        }
        let mut inside = Vec::new();
        for name in names {
            match self.pool.get_message_by_name(&name) {
                None => self.report(
                    Rule::Encoded,
                    place,
                    format!("there is no message {name:?} to encode"),
                ),
                Some(message) => {
                    if message.package_name() != SHARED {
                        self.report(Rule::Outside, place, format!("encodes {name}"));
                    }
                    inside.push(message);
                }
            }
        }
        inside
    }

    fn content_count(&self, options: &DynamicMessage) -> u64 {
        inner(options, &self.content).map_or(0, |content| field_number(&content, "max_count"))
    }

    fn range(&mut self, place: &str, kind: &Kind, options: &DynamicMessage) {
        let Some((lowest, highest)) = integer_bounds(kind) else {
            return;
        };
        let Some(range) = inner(options, &self.range) else {
            self.report(Rule::Range, place, "an integer field without (krog.range)");
            return;
        };
        let (min, max) = (
            i128::from(signed(&range, "min")),
            i128::from(signed(&range, "max")),
        );
        if min > max {
            self.report(Rule::Range, place, format!("min {min} is above max {max}"));
        } else if min < lowest || max > highest {
            self.report(
                Rule::Range,
                place,
                format!("{min} to {max} does not fit the type"),
            );
        } else if (min, max) == (lowest, highest) {
            self.report(
                Rule::Range,
                place,
                "the range is the whole type: say what the field can really hold",
            );
        }
    }

    /// The names of all payload messages.
    fn payload_names(&self) -> Vec<String> {
        payloads(self.pool).into_values().collect()
    }

    /// Checks the register of payloads, and that no payload holds a fraction anywhere inside.
    fn fractions(&mut self) {
        let Some(kinds) = self.pool.get_enum_by_name(ENTRY_KIND) else {
            return;
        };
        for value in kinds.values() {
            let name = text(&value.options(), &self.payload);
            let place = value.full_name();
            if value.number() == 0 {
                if !name.is_empty() {
                    self.report(Rule::Payload, place, "the unspecified kind has no payload");
                }
                continue;
            }
            match self.pool.get_message_by_name(&name) {
                None => self.report(
                    Rule::Payload,
                    place,
                    format!("no message {name:?} for the payload of this kind"),
                ),
                Some(message) if message.package_name() != SHARED => {
                    self.report(Rule::Outside, place, format!("the payload is {name}"));
                }
                Some(message) => self.no_fraction(&message),
            }
        }
    }

    fn no_fraction(&mut self, payload: &MessageDescriptor) {
        let (mut open, mut seen) = (vec![payload.clone()], BTreeSet::new());
        while let Some(message) = open.pop() {
            if !seen.insert(message.full_name().to_owned()) {
                continue;
            }
            for field in message.fields() {
                match field.kind() {
                    Kind::Double | Kind::Float => {
                        let detail =
                            format!("a fraction inside the payload {}", payload.full_name());
                        self.report(Rule::Fraction, field.full_name(), detail);
                    }
                    Kind::Message(inside) => open.push(inside),
                    Kind::Bytes => {
                        let content = inner(&field.options(), &self.content);
                        let of = content
                            .map(|content| field_text(&content, "of"))
                            .unwrap_or_default();
                        open.extend(self.pool.get_message_by_name(&of));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Extensions would slip fields into messages past the walk.
    fn extensions(&mut self) {
        let slipped = self.pool.all_extensions().filter(|extension| {
            extension.package_name() == SHARED
                || extension.containing_message().package_name() == SHARED
        });
        for extension in slipped.collect::<Vec<_>>() {
            self.report(
                Rule::Outside,
                extension.full_name(),
                "an extension in or of the shared package",
            );
        }
    }

    fn package(&mut self, file: &FileDescriptor) {
        if file.name() != OPTIONS_FILE && !file.package_name().ends_with(".v1") {
            self.report(
                Rule::Package,
                file.name(),
                format!("package {:?} does not end in v1", file.package_name()),
            );
        }
    }

    /// Each call has a request and a response of its own, named after it.
    fn calls(&mut self) {
        let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for service in self
            .pool
            .services()
            .filter(|service| is_ours(&service.parent_file()))
        {
            for method in service.methods() {
                for (message, ending) in
                    [(method.input(), "Request"), (method.output(), "Response")]
                {
                    uses.entry(message.full_name().to_owned())
                        .or_default()
                        .push(method.full_name().to_owned());
                    let due = format!("{}{ending}", method.name());
                    if message.name() != due {
                        let detail = format!("{} where {due} is due", message.name());
                        self.report(Rule::Shared, method.full_name(), detail);
                    }
                }
            }
        }
        for (message, methods) in uses {
            if methods.len() > 1 {
                self.report(
                    Rule::Shared,
                    &message,
                    format!("shared by {}", methods.join(" and ")),
                );
            }
        }
    }

    fn comments(&mut self, file: &FileDescriptor) {
        let info = file
            .file_descriptor_proto()
            .source_code_info
            .clone()
            .unwrap_or_default();
        let commented: BTreeSet<Vec<i32>> = info
            .location
            .into_iter()
            .filter(|location| !location.leading_comments().trim().is_empty())
            .map(|location| location.path)
            .collect();
        let mut named: Vec<(String, Vec<i32>)> = Vec::new();
        for message in self
            .pool
            .all_messages()
            .filter(|message| message.parent_file() == *file)
        {
            named.push((message.full_name().to_owned(), message.path().to_vec()));
            named.extend(
                message
                    .fields()
                    .map(|field| (field.full_name().to_owned(), field.path().to_vec())),
            );
            let choices = message.oneofs().filter(|choice| !choice.is_synthetic());
            named.extend(
                choices.map(|choice| (choice.full_name().to_owned(), choice.path().to_vec())),
            );
        }
        for kind in self
            .pool
            .all_enums()
            .filter(|kind: &EnumDescriptor| kind.parent_file() == *file)
        {
            named.push((kind.full_name().to_owned(), kind.path().to_vec()));
            named.extend(
                kind.values()
                    .map(|value| (value.full_name().to_owned(), value.path().to_vec())),
            );
        }
        for extension in file.extensions() {
            named.push((extension.full_name().to_owned(), extension.path().to_vec()));
        }
        for service in file.services() {
            named.push((service.full_name().to_owned(), service.path().to_vec()));
            named.extend(
                service
                    .methods()
                    .map(|method| (method.full_name().to_owned(), method.path().to_vec())),
            );
        }
        for (name, path) in named {
            if !commented.contains(&path) {
                self.report(Rule::Comment, &name, "has no comment");
            }
        }
    }
}

fn is_ours(file: &FileDescriptor) -> bool {
    file.package_name() == "krog" || file.package_name().starts_with("krog.")
}
