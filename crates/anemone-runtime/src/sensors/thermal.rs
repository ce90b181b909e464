//! How hot the machine is, told by how near its thermal zones are to their trip points.
//!
//! Source: the kernel's `ABI/testing/sysfs-class-thermal` (temperatures are in thousandths of °C;
//! trip points are `critical`, `hot`, `passive` or `active`). The kernel has no word for the whole
//! machine's state; the rule here, by trip point:
//!
//! | trip point | what the kernel does there | fair | serious | critical |
//! |---|---|---|---|---|
//! | `critical` | shuts the machine down | | 10 °C below | 5 °C below |
//! | `hot` | tells the firmware | | 5 °C below | at it |
//! | `passive` | slows the processor | 5 °C below | at it | |
//! | `active` | starts a fan | at it | | |
//!
//! The worst state of all trip points counts. A zone without trip points says nothing, as nobody
//! knows what is hot for it.

use std::ops::RangeInclusive;

use super::reading::{HottestZone, Thermal, ThermalState};
use super::tree::Tree;

const FOLDER: &str = "sys/class/thermal";

/// Drivers mark what is not set with zero, a negative number or a huge one.
const PLAUSIBLE_TRIPS: RangeInclusive<f64> = 1.0..=200.0;
const PLAUSIBLE: RangeInclusive<f64> = -60.0..=200.0;

/// A thermal zone that has trip points.
#[derive(Debug)]
pub(super) struct Zone {
    name: String,
    folder: String,
    trips: Vec<Trip>,
}

#[derive(Clone, Copy, Debug)]
struct Trip {
    kind: TripKind,
    celsius: f64,
}

#[derive(Clone, Copy, Debug)]
enum TripKind {
    Critical,
    Hot,
    Passive,
    Active,
}

/// The machine's thermal zones. They hardly change, and have many files each.
pub(super) fn zones(tree: &Tree) -> Vec<Zone> {
    let names = tree.names(FOLDER).into_iter().filter(|name| name.starts_with("thermal_zone"));
    names.filter_map(|name| zone(tree, format!("{FOLDER}/{name}"))).collect()
}

/// How hot it is; none if no zone can be read.
pub(super) fn read(tree: &Tree, zones: &[Zone]) -> Option<Thermal> {
    let findings = zones.iter().filter_map(|zone| hottest(tree, zone));
    let (state, zone) = findings.max_by(|(a, zone_a), (b, zone_b)| {
        a.cmp(b).then_with(|| over(zone_a).total_cmp(&over(zone_b)))
    })?;
    Some(Thermal { state, hottest: Some(zone) })
}

fn zone(tree: &Tree, folder: String) -> Option<Zone> {
    let file = |n: usize, what: &str| format!("{folder}/trip_point_{n}_{what}");
    let kinds = (0..).map_while(|n| Some((n, tree.text(&file(n, "type"))?)));
    let trips = kinds.filter_map(|(n, kind)| {
        let celsius = celsius(tree, &file(n, "temp"))?;
        let kind = TripKind::from_name(kind.trim())?;
        PLAUSIBLE_TRIPS.contains(&celsius).then_some(Trip { kind, celsius })
    });
    let trips: Vec<Trip> = trips.collect();
    let name = tree.text(&format!("{folder}/type"))?.trim().to_owned();
    (!trips.is_empty()).then_some(Zone { name, folder, trips })
}

/// The zone's state, and the trip point that decides it: of equal states the nearest one.
fn hottest(tree: &Tree, zone: &Zone) -> Option<(ThermalState, HottestZone)> {
    let celsius = celsius(tree, &format!("{}/temp", zone.folder))?;
    let worst = zone.trips.iter().max_by(|a, b| {
        let by_state = state(**a, celsius).cmp(&state(**b, celsius));
        by_state.then_with(|| b.celsius.total_cmp(&a.celsius))
    });
    let trip = *worst.filter(|_| PLAUSIBLE.contains(&celsius))?;
    let name = zone.name.clone();
    Some((state(trip, celsius), HottestZone { name, celsius, trip_celsius: trip.celsius }))
}

fn over(zone: &HottestZone) -> f64 {
    zone.celsius - zone.trip_celsius
}

fn state(trip: Trip, celsius: f64) -> ThermalState {
    let steps: &[(ThermalState, f64)] = match trip.kind {
        TripKind::Critical => &[(ThermalState::Critical, 5.0), (ThermalState::Serious, 10.0)],
        TripKind::Hot => &[(ThermalState::Critical, 0.0), (ThermalState::Serious, 5.0)],
        TripKind::Passive => &[(ThermalState::Serious, 0.0), (ThermalState::Fair, 5.0)],
        TripKind::Active => &[(ThermalState::Fair, 0.0)],
    };
    let reached = steps.iter().find(|(_, below)| celsius >= trip.celsius - below);
    reached.map_or(ThermalState::Nominal, |&(state, _)| state)
}

fn celsius(tree: &Tree, path: &str) -> Option<f64> {
    tree.value::<i32>(path).map(|thousandths| f64::from(thousandths) / 1000.0)
}

impl TripKind {
    fn from_name(name: &str) -> Option<TripKind> {
        match name {
            "critical" => Some(TripKind::Critical),
            "hot" => Some(TripKind::Hot),
            "passive" => Some(TripKind::Passive),
            "active" => Some(TripKind::Active),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::MadeUp;
    use super::*;

    const ZONE: &str = "sys/class/thermal/thermal_zone0";

    fn machine(number: usize, name: &str, temp: &str, trips: &[(&str, &str)]) -> MadeUp {
        let made = MadeUp::new(&[]);
        add(&made, number, name, temp, trips);
        made
    }

    fn add(made: &MadeUp, number: usize, name: &str, temp: &str, trips: &[(&str, &str)]) {
        let folder = format!("{FOLDER}/thermal_zone{number}");
        made.put(&format!("{folder}/type"), &format!("{name}\n"));
        made.put(&format!("{folder}/temp"), &format!("{temp}\n"));
        for (n, (kind, at)) in trips.iter().enumerate() {
            made.put(&format!("{folder}/trip_point_{n}_type"), &format!("{kind}\n"));
            made.put(&format!("{folder}/trip_point_{n}_temp"), &format!("{at}\n"));
        }
    }

    fn thermal(made: &MadeUp) -> Option<Thermal> {
        read(&made.tree(), &zones(&made.tree()))
    }

    #[test]
    fn each_trip_point_has_its_states() {
        use ThermalState::{Critical, Fair, Nominal, Serious};
        for (kind, temp, expected) in [
            ("critical", "89999", Nominal),
            ("critical", "90000", Serious),
            ("critical", "95000", Critical),
            ("hot", "94999", Nominal),
            ("hot", "95000", Serious),
            ("hot", "100000", Critical),
            ("passive", "94999", Nominal),
            ("passive", "95000", Fair),
            ("passive", "100000", Serious),
            ("passive", "150000", Serious),
            ("active", "99999", Nominal),
            ("active", "100000", Fair),
        ] {
            let made = machine(0, "acpitz", temp, &[(kind, "100000")]);
            assert_eq!(thermal(&made).unwrap().state, expected, "{kind} at {temp}");
        }
    }

    #[test]
    fn the_worst_zone_is_named_with_the_trip_point_that_decides() {
        let made = machine(0, "acpitz", "45000", &[("critical", "110000"), ("active", "40000")]);
        add(&made, 1, "cpu", "91000", &[("hot", "105000"), ("passive", "90000")]);
        add(&made, 2, "no trips", "180000", &[]);
        let zone = HottestZone { name: "cpu".to_owned(), celsius: 91.0, trip_celsius: 90.0 };
        let expected = Thermal { state: ThermalState::Serious, hottest: Some(zone) };
        assert_eq!(thermal(&made), Some(expected));
    }

    #[test]
    fn of_cool_zones_the_one_nearest_to_a_trip_point_is_named() {
        let made = machine(0, "a", "30000", &[("critical", "100000"), ("passive", "80000")]);
        add(&made, 1, "b", "40000", &[("passive", "95000")]);
        let zone = thermal(&made).unwrap().hottest.unwrap();
        assert_eq!((zone.name.as_str(), zone.trip_celsius), ("a", 80.0));
    }

    #[test]
    fn trip_points_that_are_not_set_do_not_count() {
        for at in ["0", "-274000", "-1", "2147483647", "much", ""] {
            let made = machine(0, "x86_pkg_temp", "60000", &[("passive", at)]);
            assert_eq!(thermal(&made), None, "{at}");
            let made =
                machine(0, "x86_pkg_temp", "60000", &[("passive", at), ("passive", "70000")]);
            assert_eq!(thermal(&made).unwrap().hottest.unwrap().trip_celsius, 70.0, "{at}");
        }
    }

    #[test]
    fn a_temperature_that_makes_no_sense_is_unknown() {
        for temp in ["", "hot", "-128000", "999999999", "99999999999999"] {
            assert_eq!(thermal(&machine(0, "a", temp, &[("critical", "100000")])), None, "{temp}");
        }
    }

    #[test]
    fn a_zone_that_went_away_says_nothing() {
        let made = machine(0, "a", "50000", &[("critical", "100000")]);
        let zones = zones(&made.tree());
        made.put(&format!("{ZONE}/temp"), "");
        assert_eq!(read(&made.tree(), &zones), None);
    }
}
