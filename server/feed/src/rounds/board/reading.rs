//! All rounds of a board, judged together.

use super::fault::{Refused, RoundsFault};
use super::item::{Item, Opening, Said};
use super::side::{Side, Voice};
use super::stage::{Terms, stage};
use super::status::{RoundStatus, Stage};
use super::{Board, Reading, RoundId, set_hash};
use crate::entry::{Kind, Place};
use crate::ids::{HeaderHash, NodeId, WriterId};
use crate::limits::OPENINGS_PER_KEYHOLDER;
use crate::network::{NetworkView, Standing};
use crate::roster::Policy;
use krog_measures::{Course, Facilitation, MeasureCode, Quarter};
use krog_pools::{Round, Sum};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// An opening and where it stands.
#[derive(Clone, Copy)]
struct Opened<'a> {
    id: RoundId,
    writer: WriterId,
    place: Place,
    opening: &'a Opening,
}

/// A board laid out by round.
struct ByRound<'a> {
    board: &'a Board,
    view: &'a NetworkView,
    today: i64,
    openings: Vec<Opened<'a>>,
    /// By round, by writer, then by place.
    voices: BTreeMap<RoundId, Vec<Voice<'a>>>,
    hidden: BTreeMap<WriterId, Vec<(Place, Kind)>>,
}

type Cell<'a> = (&'a MeasureCode, Facilitation, Course);

pub(super) fn read(board: &Board, view: &NetworkView, today: i64) -> Reading {
    let (by_round, mut refused) = ByRound::new(board, view, today);
    let mut rounds = BTreeMap::<RoundId, RoundStatus>::new();
    let (first, second): (Vec<_>, Vec<_>) = by_round
        .openings
        .iter()
        .partition(|opened| opened.opening.round.first_round.is_none());

    let mut taken = BTreeMap::<Cell<'_>, Vec<(Quarter, Quarter)>>::new();
    for (opened, status, more) in by_round.in_turn(&first, |_| Ok(None), &mut refused) {
        let round = &opened.opening.round;
        let taken = taken
            .entry((&round.measure, round.facilitation, round.course))
            .or_default();
        let overlaps =
            |(first, last): &(Quarter, Quarter)| *first <= round.last && round.first <= *last;
        if !is_free(&status.stage) && taken.iter().any(overlaps) {
            refused.push(opened.refused(RoundsFault::Overlaps));
            continue;
        }
        if is_running(&status, today) {
            taken.push((round.first, round.last));
        }
        refused.extend(more);
        rounds.insert(opened.id, status);
    }

    let firsts = rounds.clone();
    let centres_of_first = |opened: &Opened<'_>| {
        let round = &opened.opening.round;
        let first = round.first_round.map(RoundId::from);
        let first = first.and_then(|first| firsts.get(&first));
        let told = first.and_then(|first| Some((&first.round, first.told.as_ref()?)));
        let (first, told) = told.ok_or(RoundsFault::FirstNotTold)?;
        if is_about_the_same(first, round) {
            Ok(Some(told.centres.clone()))
        } else {
            Err(RoundsFault::NotLikeFirst)
        }
    };
    let mut followed = BTreeSet::new();
    for (opened, status, more) in by_round.in_turn(&second, centres_of_first, &mut refused) {
        let first = opened.opening.round.first_round;
        if !is_free(&status.stage) && followed.contains(&first) {
            refused.push(opened.refused(RoundsFault::ThirdRound));
            continue;
        }
        if follows_alone(&status, today) {
            followed.insert(first);
        }
        refused.extend(more);
        rounds.insert(opened.id, status);
    }
    by_round.finish(rounds, refused)
}

/// Whether a round has failed: it takes nothing from another one, and is shown whatever came beside it.
fn is_free(stage: &Stage) -> bool {
    matches!(stage, Stage::Failed(_))
}

/// Whether it still takes parts or adds them up. Once it does not, the answers it counted are spent for good, or free, and
/// another round over the same quarters counts others: what has waited, and what came late.
fn is_running(status: &RoundStatus, today: i64) -> bool {
    match status.stage {
        Stage::Opened => today <= i64::from(status.round.deadline),
        Stage::Collecting | Stage::Checking => true,
        Stage::Told | Stage::Failed(_) | Stage::Broken(_) | Stage::Silent => false,
    }
}

/// Whether a second round is the only one its first may have. One whose deadline came before both keys stood never could
/// take a part.
fn follows_alone(status: &RoundStatus, today: i64) -> bool {
    match status.stage {
        Stage::Failed(_) => false,
        Stage::Silent => status.has_keys(),
        Stage::Opened => today <= i64::from(status.round.deadline),
        Stage::Collecting | Stage::Checking | Stage::Told | Stage::Broken(_) => true,
    }
}

/// Whether a second round asks about its first one's pairs, in its units.
fn is_about_the_same(first: &Round, second: &Round) -> bool {
    let about = |round: &Round| {
        (
            (round.measure.clone(), round.class, round.facilitation),
            (round.course, round.first, round.last),
            (round.persons_per_centre, round.change_bound_hundredths),
            round.unit_sd_thousandths,
        )
    };
    // What was asked once is not asked again: it would tell how the centres' people have changed since, and draw fresh noise
    // over the same sums.
    let repeats = second
        .sums
        .iter()
        .any(|sum| *sum != Sum::Persons && first.asks(*sum));
    let retention = first.counts_baselines() && second.counts_baselines();
    about(first) == about(second) && !repeats && !retention
}

impl Opened<'_> {
    fn refused(&self, fault: RoundsFault) -> Refused {
        Refused {
            writer: self.writer,
            entry: self.id,
            fault,
        }
    }
}

impl<'a> ByRound<'a> {
    fn new(board: &'a Board, view: &'a NetworkView, today: i64) -> (Self, Vec<Refused>) {
        let mut by_round = Self {
            board,
            view,
            today,
            openings: Vec::new(),
            voices: BTreeMap::new(),
            hidden: BTreeMap::new(),
        };
        let mut refused = Vec::new();
        for (&writer, feed) in &board.feeds {
            let mut open = 0_usize;
            for (&(place, entry), item) in &feed.items {
                let undisputed = feed.is_undisputed(place);
                match item {
                    Item::Opening(opening)
                        if undisputed && today <= i64::from(opening.round.expiry) && {
                            open += 1;
                            open > OPENINGS_PER_KEYHOLDER
                        } =>
                    {
                        refused.push(Refused {
                            writer,
                            entry,
                            fault: RoundsFault::TooManyOpen,
                        });
                    }
                    Item::Opening(opening) if undisputed => by_round.openings.push(Opened {
                        id: entry,
                        writer,
                        place,
                        opening,
                    }),
                    Item::Said(round, said) => {
                        by_round.voices.entry(*round).or_default().push(Voice {
                            writer,
                            place,
                            entry,
                            said,
                            undisputed,
                            stands: undisputed && view.counts(writer, place),
                        });
                    }
                    Item::Hidden(kind) => {
                        by_round
                            .hidden
                            .entry(writer)
                            .or_default()
                            .push((place, *kind));
                    }
                    Item::Refused(fault) if undisputed => refused.push(Refused {
                        writer,
                        entry,
                        fault: *fault,
                    }),
                    Item::Opening(_) | Item::Refused(_) => {}
                }
            }
        }
        (by_round, refused)
    }

    /// The rounds of these openings that hold by themselves, in the order in which they may take a cell: told ones
    /// first, then those that both aggregators answered, so that an opening signed later takes no result and no round
    /// under way; then the earliest deadline, then by hash. With each, what counts for nothing about it.
    fn in_turn(
        &'a self,
        openings: &[&'a Opened<'a>],
        centres_of_first: impl Fn(&Opened<'_>) -> Result<Option<BTreeSet<WriterId>>, RoundsFault>,
        refused: &mut Vec<Refused>,
    ) -> Vec<(&'a Opened<'a>, RoundStatus, Vec<Refused>)> {
        let mut rounds = Vec::new();
        for &opened in openings {
            let first = centres_of_first(opened);
            let judged = self.policy_of(opened).and_then(|policy| {
                let centres = first.as_ref().ok().and_then(Option::as_ref);
                self.judge(opened, policy, centres)
            });
            let (status, more) = match judged {
                Ok(judged) => judged,
                Err(fault) => {
                    refused.push(opened.refused(fault));
                    continue;
                }
            };
            match first {
                Err(fault) if !is_free(&status.stage) => refused.push(opened.refused(fault)),
                Ok(_) | Err(_) => rounds.push((opened, status, more)),
            }
        }
        rounds.sort_by_key(|(opened, status, _)| {
            let under_way = status.has_keys();
            (
                status.told.is_none(),
                !under_way,
                status.round.deadline,
                opened.id,
            )
        });
        rounds
    }

    /// The policy under which an opening was written, by who had the right to.
    fn policy_of(&self, opened: &Opened<'_>) -> Result<&'a Policy, RoundsFault> {
        let version = opened.opening.round.roster_version;
        let roster = self.view.rosters().version(version);
        let roster = roster.ok_or(RoundsFault::UnknownRoster(version))?;
        if !roster
            .keyholders
            .contains_key(&opened.writer.as_office_of())
        {
            return Err(RoundsFault::NotAKeyholder);
        }
        if !self.view.counts(opened.writer, opened.place) {
            return Err(RoundsFault::OpenerDoesNotCount);
        }
        Ok(&roster.policy)
    }

    fn judge(
        &self,
        opened: &Opened<'a>,
        policy: &Policy,
        first_centres: Option<&BTreeSet<WriterId>>,
    ) -> Result<(RoundStatus, Vec<Refused>), RoundsFault> {
        let Opening { opening, round } = opened.opening;
        let pools = policy.pools.as_ref().ok_or(RoundsFault::NoPools)?;
        let measure = policy.measure(&round.measure);
        let measure = measure.ok_or(RoundsFault::UnknownMeasure)?;
        round.check(pools, measure)?;
        let nodes = [round.leader, round.helper].map(NodeId::new);
        let offices @ [leader_office, _] = nodes.map(WriterId::from);
        let voices = self.voices.get(&opened.id).map_or(&[][..], Vec::as_slice);
        let [leader, helper] = offices.map(|office| self.side(voices, office));
        let sides = [&leader, &helper];
        for (office, side) in offices.into_iter().zip(sides) {
            match self.view.standing(office) {
                Standing::Member(_) => {}
                Standing::Removed(_) if side.key().is_some() => {}
                _ => return Err(RoundsFault::AggregatorNotAMember),
            }
        }
        let mut status = RoundStatus {
            id: opened.id,
            opening_place: opened.place,
            opened_by: opened.writer.as_office_of(),
            round: round.clone(),
            opening: opening.clone(),
            keys: sides.map(|side| side.key().map(<[u8]>::to_vec)),
            commitments: BTreeMap::new(),
            withdrawn: BTreeMap::new(),
            check: leader.check(),
            sets: sides.map(|side| side.set().cloned()),
            halves: sides.map(|side| side.half().cloned()),
            ends: sides.map(|side| side.end().map(|end| end.outcome)),
            result: leader.result().cloned(),
            stage: Stage::Opened,
            told: None,
        };
        let mut refused = self.collect(&mut status, voices, offices);
        let terms = Terms {
            pools,
            measure,
            first_centres,
        };
        let known = |centre, part| self.knows(voices, centre, part);
        (status.stage, status.told) = stage(&status, sides, &terms, self.today, known);
        for (side, set) in sides.into_iter().zip(&status.sets) {
            let own = set.as_ref().map(|set| set_hash(opened.id, &set.parts));
            refused.extend(side.refused(own));
        }
        if let (Some(told), Some(result)) = (&status.told, &status.result)
            && (result.set != told.set || result.totals != told.totals.encoded)
        {
            refused.push(Refused {
                writer: leader_office,
                entry: result.entry,
                fault: RoundsFault::ResultDiffers,
            });
        }
        Ok((status, refused))
    }

    fn side(&'a self, voices: &'a [Voice<'a>], office: WriterId) -> Side<'a> {
        let from = voices.partition_point(|voice| voice.writer < office);
        let to = voices.partition_point(|voice| voice.writer <= office);
        let voices = voices.get(from..to).unwrap_or_default();
        Side::new(voices, self.hidden_of(office))
    }

    fn hidden_of(&self, writer: WriterId) -> &[(Place, Kind)] {
        self.hidden.get(&writer).map_or(&[], Vec::as_slice)
    }

    /// Fills in the commitments; gives what others than the aggregators said for nothing.
    fn collect(
        &self,
        status: &mut RoundStatus,
        voices: &[Voice<'_>],
        [leader, helper]: [WriterId; 2],
    ) -> Vec<Refused> {
        let mut refused = Vec::new();
        let mut committed = BTreeSet::new();
        for voice in voices.iter().filter(|voice| voice.undisputed) {
            let Said::Commitment(commitment) = voice.said else {
                let leaders = matches!(voice.said, Said::Check(_) | Said::Result(_));
                if ![leader, helper].contains(&voice.writer) {
                    refused.push(voice.refused(RoundsFault::NotAnAggregator));
                } else if leaders && voice.writer == helper {
                    refused.push(voice.refused(RoundsFault::NotTheLeader));
                }
                continue;
            };
            if !voice.stands || self.is_office(voice.writer) {
                refused.push(voice.refused(RoundsFault::NotACentre));
                continue;
            }
            if !committed.insert(voice.writer) {
                refused.push(voice.refused(RoundsFault::Repeated));
                continue;
            }
            let hides = |(place, kind): &(Place, Kind)| {
                *kind == Kind::PoolCommitment && *place < voice.place
            };
            if self.hidden_of(voice.writer).iter().any(hides) {
                continue;
            }
            if self.is_retracted(voice) {
                status.withdrawn.insert(voice.writer, *commitment);
            } else {
                status.commitments.insert(voice.writer, *commitment);
            }
        }
        refused
    }

    fn is_office(&self, writer: WriterId) -> bool {
        match self.view.standing(writer) {
            Standing::Member(node) | Standing::Removed(node) => WriterId::from(node) == writer,
            Standing::Claimed(_) | Standing::Suspended(_) | Standing::Stranger => false,
        }
    }

    fn is_retracted(&self, voice: &Voice<'_>) -> bool {
        let feed = self.board.feeds.get(&voice.writer);
        let retraction = feed.and_then(|feed| Some((feed, *feed.retracted.get(&voice.entry)?)));
        retraction.is_some_and(|(feed, place)| {
            feed.is_undisputed(place) && self.view.counts(voice.writer, place)
        })
    }

    /// Whether a part that an aggregator names is known. Both aggregators vouch that it counted when they looked, so a
    /// centre cannot take a result back by a fork, by leaving its node's descriptor, or by dropping a branch.
    fn knows(&self, voices: &[Voice<'_>], centre: WriterId, part: HeaderHash) -> bool {
        let from = voices.partition_point(|voice| voice.writer < centre);
        let mut own = voices.iter().skip(from).take_while(|v| v.writer == centre);
        let committed =
            own.any(|voice| voice.entry == part && matches!(voice.said, Said::Commitment(_)));
        let reopened = || {
            self.board
                .feeds
                .get(&centre)
                .is_some_and(|feed| feed.reopened)
        };
        !self.is_office(centre) && (committed || reopened())
    }

    fn finish(&self, rounds: BTreeMap<RoundId, RoundStatus>, refused: Vec<Refused>) -> Reading {
        let mut faults = BTreeMap::new();
        for Refused {
            writer,
            entry,
            fault,
        } in refused
        {
            faults.entry((writer, entry)).or_insert(fault);
        }
        let items = self.board.feeds.iter().flat_map(|(&writer, feed)| {
            let entries = feed.items.keys().map(|(_, entry)| *entry);
            entries.map(move |entry| (writer, entry))
        });
        let refused = items.filter_map(|(writer, entry)| {
            let fault = faults.remove(&(writer, entry))?;
            Some(Refused {
                writer,
                entry,
                fault,
            })
        });
        let refused = refused.collect();
        let mut rounds: Vec<_> = rounds.into_values().collect();
        rounds.sort_by_key(|round| (Reverse(round.round.deadline), round.id));
        Reading { rounds, refused }
    }
}
