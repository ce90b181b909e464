//! What feeds the machine.
//!
//! Source: the kernel's `ABI/testing/sysfs-class-power`. Batteries of devices (`scope` is `Device`:
//! mice, headsets) do not feed the machine, and an empty bay (`present` is 0) feeds nothing.

use super::reading::Power;
use super::tree::Tree;

const FOLDER: &str = "sys/class/power_supply";

/// The mains, if some supply from outside is on; else the batteries; none if neither is told of.
pub(super) fn read(tree: &Tree) -> Option<Power> {
    let mut batteries = Vec::new();
    for name in tree.names(FOLDER) {
        let word = |file: &str| tree.value::<String>(&format!("{FOLDER}/{name}/{file}"));
        let number = |file: &str| tree.value::<u8>(&format!("{FOLDER}/{name}/{file}"));
        if word("scope").is_some_and(|scope| scope == "Device") {
            continue;
        }
        match word("type").as_deref() {
            Some("Mains" | "USB" | "Wireless") if number("online").is_some_and(|on| on > 0) => {
                return Some(Power::Mains);
            }
            Some("Battery") if number("present") != Some(0) => {
                let percent = number("capacity").filter(|percent| *percent <= 100);
                let charging = word("status").is_some_and(|status| status == "Charging");
                batteries.extend(percent.map(|percent| (percent, charging)));
            }
            _ => {}
        }
    }
    let sum: usize = batteries.iter().map(|&(percent, _)| usize::from(percent)).sum();
    let percent = u8::try_from(sum.checked_div(batteries.len())?).ok()?;
    Some(Power::Battery { percent, charging: batteries.iter().any(|&(_, charging)| charging) })
}

#[cfg(test)]
mod tests {
    use super::super::made_up::MadeUp;
    use super::*;

    fn power(supplies: &[(&str, &[(&str, &str)])]) -> Option<Power> {
        let made = MadeUp::new(&[]);
        for (name, files) in supplies {
            for (file, text) in *files {
                made.put(&format!("{FOLDER}/{name}/{file}"), &format!("{text}\n"));
            }
        }
        read(&made.tree())
    }

    const OFF: &[(&str, &str)] = &[("type", "Mains"), ("online", "0")];
    const ON: &[(&str, &str)] = &[("type", "Mains"), ("online", "1")];
    const HALF: &[(&str, &str)] =
        &[("type", "Battery"), ("status", "Discharging"), ("capacity", "50")];

    #[test]
    fn a_laptop_on_mains_and_off() {
        assert_eq!(power(&[("AC", ON), ("BAT0", HALF)]), Some(Power::Mains));
        let battery = Some(Power::Battery { percent: 50, charging: false });
        assert_eq!(power(&[("AC", OFF), ("BAT0", HALF)]), battery);
    }

    #[test]
    fn several_batteries_are_taken_together() {
        let charging = &[("type", "Battery"), ("status", "Charging"), ("capacity", "80")];
        let expected = Some(Power::Battery { percent: 65, charging: true });
        assert_eq!(power(&[("BAT0", HALF), ("BAT1", charging)]), expected);
    }

    #[test]
    fn the_battery_of_a_mouse_and_an_empty_bay_do_not_count() {
        let mouse = &[("type", "Battery"), ("scope", "Device"), ("capacity", "5")];
        let bay = &[("type", "Battery"), ("present", "0"), ("capacity", "0")];
        assert_eq!(power(&[("hid", mouse), ("BAT1", bay)]), None);
    }

    #[test]
    fn what_is_malformed_is_unknown() {
        for capacity in ["", "101", "-1", "full"] {
            assert_eq!(power(&[("BAT0", &[("type", "Battery"), ("capacity", capacity)])]), None);
        }
        assert_eq!(power(&[("AC", &[("type", "Mains"), ("online", "maybe")])]), None);
        assert_eq!(power(&[("UPS", &[("type", "UPS")])]), None);
    }
}
