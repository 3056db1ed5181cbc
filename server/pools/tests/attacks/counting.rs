//! How many tables of whole scores have the same sum and sum of squares.

use std::collections::BTreeMap;

/// Ways to fill `persons` places with scores `0..levels` in any order, so that they add up to `sum` and their squares to
/// `squares`; at most `u32::MAX`.
pub fn tables(persons: usize, levels: usize, sum: usize, squares: usize) -> u32 {
    let at = |n: usize, s: usize, q: usize| (n * (sum + 1) + s) * (squares + 1) + q;
    let mut ways = vec![0u32; (persons + 1) * (sum + 1) * (squares + 1)];
    ways[0] = 1;
    for score in 0..levels {
        for n in 1..=persons {
            for s in score..=sum {
                for q in score * score..=squares {
                    let before = ways[at(n - 1, s - score, q - score * score)];
                    let now = &mut ways[at(n, s, q)];
                    *now = now.saturating_add(before);
                }
            }
        }
    }
    ways[at(persons, sum, squares)]
}

/// Share of all rows of `persons` scores that no other table fits, and of those that at most five fit.
pub fn alone(persons: usize, levels: usize) -> (f64, f64) {
    let mut groups: BTreeMap<(usize, usize), (u32, f64)> = BTreeMap::new();
    let mut scores = vec![0; persons];
    loop {
        let sum = scores.iter().sum();
        let squares = scores.iter().map(|x| x * x).sum();
        let group = groups.entry((sum, squares)).or_default();
        group.0 += 1;
        group.1 += orders(&scores);
        // The next table in rising order.
        let Some(at) = scores.iter().rposition(|score| *score < levels - 1) else {
            break;
        };
        let next = scores[at] + 1;
        scores[at..].fill(next);
    }
    let all = (levels as f64).powi(persons as i32);
    let share = |most: u32| {
        let fitting = groups.values().filter(|(tables, _)| *tables <= most);
        fitting.map(|(_, rows)| rows).sum::<f64>() / all
    };
    (share(1), share(5))
}

/// In how many orders these scores can stand.
fn orders(scores: &[usize]) -> f64 {
    let mut orders = 1.0;
    let mut alike = 0;
    for (at, score) in scores.iter().enumerate() {
        alike = if at > 0 && scores[at - 1] == *score {
            alike + 1
        } else {
            1
        };
        orders *= (at + 1) as f64 / alike as f64;
    }
    orders
}
