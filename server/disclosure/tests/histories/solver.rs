//! What the attacker of a centre makes of what it told: bounds on whom each figure counts, passed from figure to figure.
//!
//! The attacker knows everything of every other centre and of everybody here but two: who came when, who consented when,
//! whose pairs were counted where. Taking these off leaves, of each figure, how many of the two it counts.

use crate::town::{Centre, QUARTERS, Told};

/// What the attacker knows of the two beside their being members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing: they may have answered at any time.
    Nothing,
    /// When each of their pairs closed.
    Attendance,
}

/// How often one of the two was found to be counted in a figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Figures told of the centre.
    pub figures: u32,
    /// Persons whose being counted in a figure follows from that figure's number alone: everybody who could be is.
    pub by_count: u32,
    /// Persons whose being counted in a figure follows only from several figures together.
    pub by_chain: u32,
}

impl std::ops::AddAssign for Found {
    fn add_assign(&mut self, other: Self) {
        self.figures += other.figures;
        self.by_count += other.by_count;
        self.by_chain += other.by_chain;
    }
}

/// One figure, as the attacker has it after taking off whom they know.
struct Figure {
    measure: usize,
    quarter: i32,
    /// Least and most of the two that it counts, or that could have been counted.
    of_two: (i32, i32),
    told: Told,
    /// Which pairs it could count, as quarters between their closing and its own.
    ages: std::ops::Range<i32>,
    truth: [bool; 2],
}

impl Figure {
    /// Whether it tells how many it counts.
    fn is_number(&self) -> bool {
        matches!(self.told, Told::Value | Told::Pool)
    }

    /// Whether who is counted in it is counted nowhere else.
    fn takes(&self) -> bool {
        matches!(self.told, Told::Value | Told::Pool | Told::Stopped)
    }
}

/// `None`: not known.
type Fact = Option<bool>;

struct Mind {
    figures: Vec<Figure>,
    /// When each of the two's pairs closed, by measure.
    closed: Option<[[Vec<i32>; 2]; 2]>,
    counted: Vec<[Fact; 2]>,
    consents: [[Fact; QUARTERS]; 2],
}

/// Looks for two persons of a centre.
pub fn look(centre: &Centre, two: [usize; 2], known: Known) -> Found {
    let mut mind = Mind::new(centre, two, known);
    let alone: Vec<[Fact; 2]> = (0..mind.figures.len())
        .map(|at| {
            let mut counted = mind.possible(at);
            mind.by_number(at, &mut counted);
            counted
        })
        .collect();
    mind.think();
    let mut found = Found::default();
    for ((figure, counted), alone) in mind.figures.iter().zip(&mind.counted).zip(&alone) {
        found.figures += u32::from(figure.is_number());
        for who in 0..2 {
            if let Some(fact) = counted[who] {
                assert_eq!(fact, figure.truth[who], "the solver tells no untruth");
            }
            if figure.is_number() && counted[who] == Some(true) {
                if alone[who] == Some(true) {
                    found.by_count += 1;
                } else {
                    found.by_chain += 1;
                }
            }
        }
    }
    found
}

impl Mind {
    fn new(centre: &Centre, two: [usize; 2], known: Known) -> Self {
        let figures: Vec<Figure> = centre
            .events
            .iter()
            .map(|event| {
                let truth = two.map(|person| event.persons.contains(&person));
                let of_two = truth.iter().filter(|counted| **counted).count() as i32;
                let others = event.persons.len() as i32 - of_two;
                Figure {
                    measure: event.measure,
                    quarter: event.quarter,
                    of_two: match event.told {
                        Told::Value | Told::Pool => (of_two, of_two),
                        Told::BelowFloor => (0, 9 - others),
                        Told::Failed => (3 - others, 2),
                        Told::Stopped => (0, 2),
                    },
                    told: event.told,
                    ages: match event.told {
                        Told::Value | Told::BelowFloor | Told::Stopped => 0..8,
                        Told::Pool | Told::Failed if event.old => 8..99,
                        Told::Pool | Told::Failed => 0..99,
                    },
                    truth,
                }
            })
            .collect();
        let closed_of = |measure: usize, person: usize| {
            let pairs = centre.pairs[measure].iter();
            let own = pairs.filter(|pair| pair.person == person);
            own.map(|pair| pair.closed).collect::<Vec<_>>()
        };
        let all = |measure| two.map(|person| closed_of(measure, person));
        Self {
            counted: vec![[None; 2]; figures.len()],
            closed: (known == Known::Attendance).then(|| [all(0), all(1)]),
            consents: [[None; QUARTERS]; 2],
            figures,
        }
    }

    /// How many pairs of one of the two a figure could count if none had left before; none where nothing is known.
    fn pairs(&self, at: usize, who: usize) -> Option<i32> {
        let figure = &self.figures[at];
        let closed = &self.closed.as_ref()?[figure.measure][who];
        let fits = |closed: &&i32| figure.ages.contains(&(figure.quarter - **closed));
        Some(closed.iter().filter(fits).count() as i32)
    }

    /// Who of the two could be counted, by attendance alone.
    fn possible(&self, at: usize) -> [Fact; 2] {
        [0, 1].map(|who| (self.pairs(at, who) == Some(0)).then_some(false))
    }

    /// What a figure's number says of those of whom nothing is known.
    fn by_number(&self, at: usize, counted: &mut [Fact; 2]) {
        let (least, most) = self.figures[at].of_two;
        let yes = counted.iter().filter(|fact| **fact == Some(true)).count() as i32;
        let open = counted.iter().filter(|fact| fact.is_none()).count() as i32;
        let all = if yes >= most {
            Some(false)
        } else if yes + open <= least {
            Some(true)
        } else {
            None
        };
        for fact in counted.iter_mut().filter(|fact| fact.is_none()) {
            *fact = all;
        }
    }

    /// Draws every conclusion, until there is none.
    fn think(&mut self) {
        loop {
            let before = (self.counted.clone(), self.consents);
            for at in 0..self.figures.len() {
                let mut counted = self.counted[at];
                for (fact, possible) in counted.iter_mut().zip(self.possible(at)) {
                    *fact = fact.or(possible);
                }
                for who in 0..2 {
                    self.by_leaving_once(at, who, &mut counted);
                    self.by_consent(at, who, &mut counted);
                }
                self.by_number(at, &mut counted);
                self.counted[at] = counted;
            }
            if before == (self.counted.clone(), self.consents) {
                return;
            }
        }
    }

    /// How many pairs of one of the two other figures of the measure, up to a quarter, surely and perhaps took or held.
    fn taken(&self, at: usize, who: usize, until: i32) -> (i32, i32) {
        let (mut surely, mut perhaps) = (0, 0);
        for (place, (other, counted)) in self.figures.iter().zip(&self.counted).enumerate() {
            let apart = place == at || other.measure != self.figures[at].measure;
            if apart || other.quarter > until || other.told == Told::BelowFloor {
                continue;
            }
            surely += i32::from(other.takes() && counted[who] == Some(true));
            perhaps += i32::from(counted[who] != Some(false));
        }
        (surely, perhaps)
    }

    /// An answer leaves once: of pairs closed by some quarter, those that figures up to it surely took are gone.
    fn by_leaving_once(&self, at: usize, who: usize, counted: &mut [Fact; 2]) {
        let figure = &self.figures[at];
        let Some(closed) = self.closed.as_ref().filter(|_| figure.takes()) else {
            return;
        };
        for until in figure.quarter..QUARTERS as i32 {
            let all = closed[figure.measure][who].iter();
            let pairs = all.filter(|closed| **closed <= until).count() as i32;
            if pairs <= self.taken(at, who, until).0 && counted[who].is_none() {
                counted[who] = Some(false);
            }
        }
    }

    /// Who is counted consents; who surely could be and is not, does not.
    fn by_consent(&mut self, at: usize, who: usize, counted: &mut [Fact; 2]) {
        let figure = &self.figures[at];
        let left = self
            .pairs(at, who)
            .is_some_and(|pairs| pairs > self.taken(at, who, figure.quarter).1);
        let consent = &mut self.consents[who][figure.quarter as usize];
        match (counted[who], *consent) {
            (Some(true), None) => *consent = Some(true),
            (Some(false), None) if left => *consent = Some(false),
            (None, Some(false)) => counted[who] = Some(false),
            (None, Some(true)) if left => counted[who] = Some(true),
            _ => {}
        }
    }
}
