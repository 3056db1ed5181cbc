//! Solving for centres' parts in real numbers: damped least squares from many starts.

use rand::{Rng, RngExt};

/// Persons and mean change of a centre, the mean in unit SDs.
pub type Site = (f64, f64);

const TAU2: f64 = 0.04;

/// The sums of the first round, or of both: of persons, their square, change, its square over persons; and the weights.
pub fn sums(sites: &[Site], both: bool) -> Vec<f64> {
    let mut sums = vec![0.0; if both { 7 } else { 4 }];
    for &(n, mean) in sites {
        let w = n / (1.0 + n * TAU2);
        let own = [
            n,
            n * n,
            n * mean,
            n * mean * mean,
            w,
            w * mean,
            w * mean * mean,
        ];
        for (sum, own) in sums.iter_mut().zip(own) {
            *sum += own;
        }
    }
    sums
}

fn slopes(sites: &[Site], equations: usize) -> Vec<Vec<f64>> {
    let mut rows = vec![vec![0.0; 2 * sites.len()]; equations];
    for (at, &(n, mean)) in sites.iter().enumerate() {
        let w = n / (1.0 + n * TAU2);
        let dw = 1.0 / (1.0 + n * TAU2).powi(2);
        let by_n = [
            1.0,
            2.0 * n,
            mean,
            mean * mean,
            dw,
            dw * mean,
            dw * mean * mean,
        ];
        let by_mean = [0.0, 0.0, n, 2.0 * n * mean, 0.0, w, 2.0 * w * mean];
        for (row, (of_n, of_mean)) in rows.iter_mut().zip(by_n.into_iter().zip(by_mean)) {
            (row[2 * at], row[2 * at + 1]) = (of_n, of_mean);
        }
    }
    rows
}

/// Solves a square system; `None` where it has no single solution.
pub fn linear(mut rows: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for at in 0..size {
        let pivot = (at..size).max_by(|a, b| rows[*a][at].abs().total_cmp(&rows[*b][at].abs()))?;
        rows.swap(at, pivot);
        right.swap(at, pivot);
        if rows[at][at].abs() < 1e-300 {
            return None;
        }
        for below in at + 1..size {
            let factor = rows[below][at] / rows[at][at];
            let pivot = rows[at].clone();
            for (entry, above) in rows[below].iter_mut().zip(&pivot).skip(at) {
                *entry -= factor * above;
            }
            right[below] -= factor * right[at];
        }
    }
    for at in (0..size).rev() {
        for column in at + 1..size {
            right[at] -= rows[at][column] * right[column];
        }
        right[at] /= rows[at][at];
    }
    Some(right)
}

/// One start, until the sums are met to ten digits.
fn descend(told: &[f64], mut sites: Vec<Site>) -> Option<Vec<Site>> {
    let weights: Vec<f64> = told.iter().map(|sum| 1.0 / sum.abs().max(1.0)).collect();
    let errors = |sites: &[Site]| -> Vec<f64> {
        let found = sums(sites, told.len() == 7);
        let scaled = found.iter().zip(told).zip(&weights);
        scaled
            .map(|((found, told), w)| (found - told) * w)
            .collect()
    };
    let size = |errors: &[f64]| errors.iter().map(|e| e * e).sum::<f64>();
    let mut damping = 1e-2;
    let mut now = errors(&sites);
    for _ in 0..500 {
        if size(&now) < 1e-24 {
            let possible = |site: &Site| (2.9..=40.1).contains(&site.0);
            sites.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
            return sites.iter().all(possible).then_some(sites);
        }
        let mut slopes = slopes(&sites, told.len());
        for (row, weight) in slopes.iter_mut().zip(&weights) {
            row.iter_mut().for_each(|slope| *slope *= weight);
        }
        let unknowns = 2 * sites.len();
        let dot = |a: usize, b: usize| slopes.iter().map(|row| row[a] * row[b]).sum::<f64>();
        let normal = (0..unknowns)
            .map(|a| {
                (0..unknowns)
                    .map(|b| dot(a, b) * if a == b { 1.0 + damping } else { 1.0 })
                    .collect()
            })
            .collect();
        let right = (0..unknowns)
            .map(|a| {
                -slopes
                    .iter()
                    .zip(&now)
                    .map(|(row, e)| row[a] * e)
                    .sum::<f64>()
            })
            .collect();
        let step = linear(normal, right)?;
        let next: Vec<Site> = sites
            .iter()
            .zip(step.chunks(2))
            .map(|(site, step)| (site.0 + step[0], site.1 + step[1]))
            .collect();
        let then = errors(&next);
        if size(&then) < size(&now) {
            (sites, now) = (next, then);
            damping = (damping * 0.3f64).max(1e-14);
        } else {
            damping *= 4.0;
            if damping > 1e12 {
                return None;
            }
        }
    }
    None
}

/// The different solutions that so many starts find.
pub fn solutions(
    told: &[f64],
    centres: usize,
    starts: usize,
    rng: &mut impl Rng,
) -> Vec<Vec<Site>> {
    let mut found: Vec<Vec<Site>> = Vec::new();
    for _ in 0..starts {
        let start = (0..centres)
            .map(|_| (rng.random_range(3.0..20.0), rng.random_range(-1.5..1.5)))
            .collect();
        let Some(solution) = descend(told, start) else {
            continue;
        };
        if !found.iter().any(|other| are_close(other, &solution)) {
            found.push(solution);
        }
    }
    found
}

/// Whether two solutions are one.
pub fn are_close(one: &[Site], two: &[Site]) -> bool {
    one.iter()
        .zip(two)
        .all(|(a, b)| (a.0 - b.0).abs() < 1e-3 && (a.1 - b.1).abs() < 1e-3)
}
