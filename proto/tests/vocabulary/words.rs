//! Words that a field about a person would be named by, and the few fields that may bear one all the same.

/// Singular words, compared with each part of a field's name.
const PERSON_WORDS: &[&str] = &[
    "absence",
    "address",
    "age",
    "alias",
    "answer",
    "approver",
    "attendance",
    "attendee",
    "author",
    "birth",
    "birthday",
    "born",
    "client",
    "comment",
    "contact",
    "coordinator",
    "creator",
    "date",
    "day",
    "device",
    "diagnosis",
    "dob",
    "editor",
    "email",
    "facilitator",
    "forename",
    "gender",
    "guardian",
    "hour",
    "initial",
    "ip",
    "item",
    "location",
    "login",
    "mail",
    "member",
    "message",
    "minute",
    "mobile",
    "moment",
    "name",
    "nickname",
    "note",
    "owner",
    "password",
    "patient",
    "people",
    "person",
    "phone",
    "photo",
    "postcode",
    "reason",
    "remark",
    "score",
    "sex",
    "staff",
    "street",
    "surname",
    "telephone",
    "text",
    "time",
    "timestamp",
    "user",
    "username",
    "volunteer",
    "who",
    "zip",
];

/// Fields that bear such a word, and why they may.
pub const ALLOWED: &[(&str, &str)] = &[
    (
        "Descriptor.public_name",
        "an organisation's name, which it publishes itself",
    ),
    ("Descriptor.addresses", "host and port of a node"),
    (
        "DescribedCentre.public_name",
        "a centre's name, which its organisation publishes",
    ),
    ("Genesis.public_name", "a network's name"),
    ("Policy.floor_persons", "a floor, the same for everybody"),
    (
        "Policy.waiting_days",
        "a length of time, the same for everybody",
    ),
    (
        "MeasureTerms.target_day",
        "a count of days after any baseline, the same for everybody",
    ),
    (
        "MeasureTerms.window_first_day",
        "a count of days after any baseline, the same for everybody",
    ),
    (
        "MeasureTerms.window_last_day",
        "a count of days after any baseline, the same for everybody",
    ),
    (
        "Invitation.last_day",
        "the expiry of an invitation from one organisation to another",
    ),
    ("JoinToken.address", "host and port of a node"),
    ("Sums.persons", "a count, ten at least"),
    ("Side.persons", "a count over released cells"),
    ("CentreRow.persons", "a count over released cells"),
    (
        "CentreRow.public_name",
        "a centre's name, which its organisation publishes",
    ),
    ("DescribedNetwork.public_name", "a network's name"),
    (
        "DescribedNode.public_name",
        "an organisation's name, which it publishes itself",
    ),
    (
        "DescribedCentreName.public_name",
        "a centre's name, which its organisation publishes",
    ),
    ("PoolTerms.floor_persons", "a floor, the same for everybody"),
    ("ExpectedPrecision.persons", "a count, thirty at least"),
    (
        "PoolOpening.persons_per_centre",
        "a bound, the same for every centre",
    ),
    ("PoolOpening.items", "items of an instrument, not answers"),
    (
        "PoolChecked.persons_share",
        "one of two random shares of a count",
    ),
    ("PoolRow.persons", "a sum over five centres at least"),
    ("PoolRow.items", "means over five centres at least"),
    ("Side.pooled_persons", "a sum over five centres at least"),
    (
        "TemplatePart.minutes",
        "planned length of a phase of any meeting",
    ),
    (
        "UntoldCount.reason",
        "one of four public words for a cell without a value",
    ),
    (
        "Wording.text",
        "words of a published template, checked before they are shared",
    ),
];

/// The word about a person in a field's name, unless the field is allowed to bear it.
pub fn person_word(full_name: &str, name: &str) -> Option<&'static str> {
    let short = full_name
        .strip_prefix("krog.federation.v1.")
        .unwrap_or(full_name);
    if ALLOWED.iter().any(|(field, _)| *field == short) {
        return None;
    }
    name.to_ascii_lowercase().split('_').find_map(|part| {
        PERSON_WORDS
            .iter()
            .copied()
            .find(|word| part == *word || part.strip_suffix('s') == Some(*word))
    })
}
