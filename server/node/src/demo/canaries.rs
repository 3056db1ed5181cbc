//! Looking for planted marks of people in bytes that left a house.

use std::collections::BTreeSet;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

/// Marks to look for, in every encoding they might hide in.
#[derive(Debug, Default)]
pub struct Canaries {
    marks: usize,
    needles: BTreeSet<Vec<u8>>,
    shortest: usize,
}

impl Canaries {
    /// Plants a mark. Marks of fewer than eight bytes would be found by chance and are left out.
    pub fn plant(&mut self, mark: &str) {
        let bytes = mark.as_bytes();
        if bytes.len() < 8 {
            return;
        }
        self.marks += 1;
        self.needles.insert(bytes.to_vec());
        self.needles.insert(HEXLOWER.encode(bytes).into_bytes());
        self.needles
            .insert(mark.encode_utf16().flat_map(u16::to_le_bytes).collect());
        // Base64 hides a mark in one of three alignments; its inner characters are the same whatever stands around.
        for lead in 0..3_usize {
            let padded: Vec<u8> = std::iter::repeat_n(0, lead)
                .chain(bytes.iter().copied())
                .collect();
            let whole = padded.len() / 3 * 3;
            for encoded in [
                BASE64_NOPAD.encode(&padded[..whole]),
                BASE64URL_NOPAD.encode(&padded[..whole]),
            ] {
                let from = if lead == 0 { 0 } else { 4 };
                self.needles.insert(encoded.as_bytes()[from..].to_vec());
            }
        }
        self.shortest = self.needles.iter().map(Vec::len).min().unwrap_or(0);
    }

    /// How many marks were planted.
    pub fn marks(&self) -> usize {
        self.marks
    }

    /// How many places of `bytes` begin a mark, in any encoding.
    pub fn hits(&self, bytes: &[u8]) -> usize {
        if self.shortest == 0 || bytes.len() < self.shortest {
            return 0;
        }
        // One pass: needles by their first four bytes, so that thousands of marks cost little more than one.
        let mut by_start = std::collections::HashMap::<[u8; 4], Vec<&[u8]>>::new();
        for needle in &self.needles {
            if let Some(start) = needle.first_chunk::<4>() {
                by_start.entry(*start).or_default().push(needle);
            }
        }
        bytes
            .windows(4)
            .enumerate()
            .filter(|(at, window)| {
                <[u8; 4]>::try_from(*window)
                    .ok()
                    .and_then(|start| by_start.get(&start))
                    .is_some_and(|needles| {
                        needles
                            .iter()
                            .any(|needle| bytes[*at..].starts_with(needle))
                    })
            })
            .count()
    }
}

/// What a search found.
#[derive(Debug, Default, Clone)]
pub struct Search {
    /// Marks planted: names, contacts, group names, ids of members, exact days, answers in context.
    pub planted: usize,
    /// Where was looked, with how many bytes.
    pub places: Vec<(String, u64)>,
    /// Marks found.
    pub hits: usize,
}

impl Search {
    /// In one sentence.
    pub fn told(&self) -> String {
        let places: Vec<String> = self
            .places
            .iter()
            .map(|(place, bytes)| format!("{place} ({bytes} bytes)"))
            .collect();
        format!(
            "{} marks of people were planted (labels, contacts, names of groups, ids of members, exact days, answers in \
             context) and looked for, plain and in hexadecimal, base64 and UTF-16, in {}: {} found.",
            self.planted,
            places.join(", "),
            self.hits
        )
    }

    /// As data.
    pub fn json(&self) -> Value {
        json!({
            "planted": self.planted,
            "places": self.places.iter().map(|(place, bytes)| json!({"place": place, "bytes": bytes})).collect::<Vec<_>>(),
            "hits": self.hits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_in_every_encoding() {
        let mut canaries = Canaries::default();
        canaries.plant("OSEBA-0123456789AB");
        let mark = b"OSEBA-0123456789AB";
        for lead in 0..5 {
            let mut around = vec![b'x'; lead];
            around.extend_from_slice(mark);
            around.extend_from_slice(b"yz");
            for hidden in [
                around.clone(),
                HEXLOWER.encode(&around).into_bytes(),
                BASE64_NOPAD.encode(&around).into_bytes(),
                BASE64URL_NOPAD.encode(&around).into_bytes(),
            ] {
                assert!(canaries.hits(&hidden) > 0, "lead {lead}");
            }
        }
        assert_eq!(canaries.hits(b"OSEBA-0123456789AC and nothing else"), 0);
    }
}
