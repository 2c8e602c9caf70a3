//! Minutes of the week against a week written out.

use edge_infer::door::{Admission, MinuteOfWeek, Schedule, Weekday, Window, WindowError};
use proptest::prelude::*;

fn at(day: Weekday, hour: u8, minute: u8) -> MinuteOfWeek {
    MinuteOfWeek::new(day, hour, minute).unwrap()
}

#[test]
fn office_hours_end_before_their_last_minute() {
    let hours = [Window::new(at(Weekday::Friday, 8, 0), at(Weekday::Friday, 17, 30)).unwrap()];
    let hours = Schedule::During(&hours);
    for (hour, minute, expected) in [
        (7, 59, Admission::Outside),
        (8, 0, Admission::Inside),
        (17, 29, Admission::Inside),
        (17, 30, Admission::Outside),
    ] {
        assert_eq!(hours.admission(Some(at(Weekday::Friday, hour, minute))), expected);
    }
    assert_eq!(hours.admission(Some(at(Weekday::Thursday, 12, 0))), Admission::Outside);
}

#[test]
fn a_window_goes_on_over_midnight_and_over_the_weeks_end() {
    let night = [Window::new(at(Weekday::Sunday, 22, 0), at(Weekday::Monday, 6, 0)).unwrap()];
    let night = Schedule::During(&night);
    assert_eq!(night.admission(Some(at(Weekday::Sunday, 23, 59))), Admission::Inside);
    assert_eq!(night.admission(Some(at(Weekday::Monday, 0, 0))), Admission::Inside);
    assert_eq!(night.admission(Some(at(Weekday::Monday, 6, 0))), Admission::Outside);
    assert_eq!(night.admission(Some(at(Weekday::Sunday, 21, 59))), Admission::Outside);
}

#[test]
fn an_unknown_time_lets_in_only_those_who_may_always() {
    let window = [Window::new(at(Weekday::Monday, 0, 0), at(Weekday::Sunday, 23, 59)).unwrap()];
    assert_eq!(Schedule::Always.admission(None), Admission::Inside);
    assert_eq!(Schedule::During(&window).admission(None), Admission::TimeUnknown);
    assert_eq!(Schedule::During(&[]).admission(None), Admission::TimeUnknown);
    assert_eq!(
        Schedule::During(&[]).admission(Some(at(Weekday::Monday, 0, 0))),
        Admission::Outside
    );
}

#[test]
fn one_of_two_groups_is_enough() {
    use Admission::{Inside, Outside, TimeUnknown};
    for (a, b, both) in [
        (Inside, Outside, Inside),
        (Outside, Inside, Inside),
        (Inside, TimeUnknown, Inside),
        (Outside, TimeUnknown, TimeUnknown),
        (TimeUnknown, Outside, TimeUnknown),
        (Outside, Outside, Outside),
    ] {
        assert_eq!(a.or(b), both, "{a:?} or {b:?}");
    }
}

#[test]
fn minutes_count_from_monday() {
    assert_eq!(at(Weekday::Monday, 0, 0).get(), 0);
    assert_eq!(at(Weekday::Sunday, 23, 59).get(), 10_079);
    assert_eq!(MinuteOfWeek::from_minutes(10_080 + 61), at(Weekday::Monday, 1, 1));
}

#[test]
fn rejects_a_time_that_no_day_has() {
    for (hour, minute) in [(24, 0), (0, 60), (255, 255)] {
        let error = MinuteOfWeek::new(Weekday::Monday, hour, minute).unwrap_err();
        assert_eq!(error, WindowError::Time { hour, minute });
    }
}

#[test]
fn rejects_a_window_without_length() {
    let noon = at(Weekday::Monday, 12, 0);
    assert_eq!(Window::new(noon, noon).unwrap_err(), WindowError::Empty { minute: 720 });
}

proptest! {
    #[test]
    fn a_window_is_the_minutes_that_one_walks_through(from in 0_u32..10_080, length in 1_u32..10_080, now in 0_u32..10_080) {
        let minute = MinuteOfWeek::from_minutes;
        let window = [Window::new(minute(from), minute(from + length)).unwrap()];
        let walked = (from..from + length).any(|passed| passed % 10_080 == now);
        let expected = if walked { Admission::Inside } else { Admission::Outside };
        prop_assert_eq!(Schedule::During(&window).admission(Some(minute(now))), expected);
    }
}
