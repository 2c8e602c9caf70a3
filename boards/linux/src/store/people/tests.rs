//! Changes of the people, and the refused ones.

use super::*;
use crate::store::{PreprocessingId, Source};
use edge_infer::matching::{Template, TemplateRef};

const MODEL: ModelId = ModelId([7; 16]);
const PIPELINE: Pipeline = Pipeline { model: MODEL, preprocessing: PreprocessingId([3; 16]) };

fn named(name: &str) -> Profile {
    Profile { name: name.to_owned(), ..Profile::default() }
}

fn of(template: TemplateRef<'_>) -> NewTemplate<'_> {
    let preprocessing = PIPELINE.preprocessing;
    NewTemplate { template, preprocessing, source: Source::Picture }
}

fn enrol(people: &mut People, name: &str, model: ModelId) -> PersonId {
    let template = Template::from_embedding(&[1.0, 0.5, 0.0], model).unwrap();
    people.enrol(named(name), &[of(template.as_ref()); 2], 5).unwrap()
}

fn ids(people: &People) -> Vec<(u32, Vec<u32>)> {
    let of = |person: &Person| person.templates.iter().map(|t| t.id.0).collect();
    people.iter().map(|person| (person.id.0, of(person))).collect()
}

#[test]
fn ids_are_given_once() {
    let mut people = People::default();
    let ada = enrol(&mut people, "Ada", MODEL);
    let bob = enrol(&mut people, "Bob", MODEL);
    assert_eq!(ids(&people), [(1, vec![1, 2]), (2, vec![3, 4])]);
    people.remove(bob).unwrap();
    people.remove_template(ada, TemplateId(2)).unwrap();
    assert_eq!(enrol(&mut people, "Cleo", MODEL), PersonId(3));
    assert_eq!(ids(&people), [(1, vec![1]), (3, vec![5, 6])]);
    assert_eq!(people.purge(), 2);
    assert_eq!(enrol(&mut people, "Dora", MODEL), PersonId(4));
    assert_eq!(ids(&people), [(4, vec![7, 8])]);
    let again = People::from_json(people.to_json().as_bytes()).unwrap();
    assert_eq!(again.clone().purge(), 1);
    assert_eq!(enrol(&mut { again }, "Eve", MODEL), PersonId(5));
}

#[test]
fn a_profile_and_more_templates_leave_the_rest_as_it_was() {
    let mut people = People::default();
    let ada = enrol(&mut people, "Ada", MODEL);
    let before = people.get(ada).unwrap().templates.clone();
    let profile = Profile { groups: vec!["staff".into()], ..named("Ada L.") };
    people.set_profile(ada, profile.clone()).unwrap();
    let template = Template::from_embedding(&[0.0, 0.0, 1.0], MODEL).unwrap();
    people.add_templates(ada, &[of(template.as_ref())], 6).unwrap();
    let now = people.get(ada).unwrap();
    assert_eq!((now.id, &now.profile), (ada, &profile));
    assert_eq!((&now.templates[..2], now.templates[2].enrolled_ms), (&before[..], 6));
    assert_eq!(
        people.gallery(&PIPELINE, 3).unwrap().view().unwrap().len(),
        1,
        "one person, one mean"
    );
}

#[test]
fn an_export_keeps_its_ids_only_where_they_were_given_to_nobody() {
    let mut here = People::default();
    enrol(&mut here, "Ada", MODEL);
    let bob = enrol(&mut here, "Bob", MODEL);
    here.remove(PersonId(1)).unwrap();
    let export = here.to_json();

    let mut fresh = People::default();
    assert_eq!(fresh.import(export.as_bytes()).unwrap(), [Imported { from: bob, id: bob }]);
    assert_eq!(fresh, here);

    let mut other = People::default();
    enrol(&mut other, "Zoë", MODEL);
    other.purge();
    let imported = other.import(export.as_bytes()).unwrap();
    assert_eq!(imported, [Imported { from: bob, id: PersonId(2) }]);
    assert_eq!(ids(&other), [(2, vec![3, 4])]);
    assert_eq!(other.import(export.as_bytes()).unwrap()[0].id, PersonId(3));
    assert_eq!(ids(&other), [(2, vec![3, 4]), (3, vec![5, 6])]);
    People::from_json(other.to_json().as_bytes()).unwrap();
}

#[test]
fn rejects_somebody_unknown() {
    let mut people = People::default();
    let ada = enrol(&mut people, "Ada", MODEL);
    let id = PersonId(9);
    let template = Template::from_embedding(&[1.0, 0.0, 0.0], MODEL).unwrap();
    let unknown = |refused| matches!(refused, Err(PeopleError::UnknownPerson { id: PersonId(9) }));
    assert!(unknown(people.remove(id)));
    assert!(unknown(people.set_profile(id, named("Eve"))));
    assert!(unknown(people.remove_template(id, TemplateId(1))));
    assert!(unknown(people.add_templates(id, &[of(template.as_ref())], 0)));
    let refused = people.remove_template(ada, TemplateId(3)).unwrap_err();
    assert!(
        matches!(refused, PeopleError::UnknownTemplate { person, id: TemplateId(3) } if person == ada)
    );
}

#[test]
fn rejects_enrolment_without_a_template_or_with_one_of_another_length() {
    let mut people = People::default();
    assert!(matches!(people.enrol(named("Ada"), &[], 0), Err(PeopleError::NoTemplate)));
    let (short, long) = (
        Template::from_embedding(&[1.0, 0.0], MODEL).unwrap(),
        Template::from_embedding(&[1.0, 0.0, 0.0], MODEL).unwrap(),
    );
    let both = [of(short.as_ref()), of(long.as_ref())];
    let refused = people.enrol(named("Ada"), &both, 0).unwrap_err();
    assert!(matches!(refused, PeopleError::Length { len: 3, other: 2, .. }), "{refused}");
    people.enrol(named("Ada"), &both[..1], 0).unwrap();
    let refused = people.enrol(named("Bob"), &both[1..], 0).unwrap_err();
    assert!(matches!(refused, PeopleError::Length { len: 3, other: 2, .. }), "{refused}");
    // Another model may have another length.
    enrol(&mut people, "Cleo", ModelId([8; 16]));
    let export = people.to_json();
    let mut longer = People::default();
    enrol(&mut longer, "Dora", MODEL);
    let refused = longer.import(export.as_bytes()).unwrap_err();
    assert!(matches!(refused, PeopleError::Length { len: 2, other: 3, .. }), "{refused}");
    assert_eq!(longer.iter().len(), 1);
}

#[test]
fn rejects_enrolment_when_all_ids_are_given() {
    let json =
        format!(r#"{{"format":1,"next_person":{},"next_template":1,"people":[]}}"#, u32::MAX - 1);
    let mut people = People::from_json(json.as_bytes()).unwrap();
    assert_eq!(enrol(&mut people, "Ada", MODEL), PersonId(u32::MAX - 1));
    let template = Template::from_embedding(&[1.0, 0.0, 0.0], MODEL).unwrap();
    let refused = people.enrol(named("Bob"), &[of(template.as_ref())], 0);
    assert!(matches!(refused, Err(PeopleError::NoId)));
    People::from_json(people.to_json().as_bytes()).unwrap();
}

#[test]
fn rejects_an_import_of_something_else() {
    let refused = People::default().import(b"[]").unwrap_err();
    assert!(matches!(refused, PeopleError::Document(_)), "{refused}");
    assert!(refused.to_string().starts_with("nobody was imported"), "{refused}");
}

#[test]
fn a_pin_is_one_person_s_and_goes_with_them() {
    let mut people = People::default();
    let (ada, bob) = (enrol(&mut people, "Ada", MODEL), enrol(&mut people, "Bob", MODEL));
    people.add_credential(ada, "4711", false).unwrap();
    people.add_credential(ada, "4712", true).unwrap();
    people.add_credential(bob, "0A00F1B2C3", false).unwrap();
    let again = People::from_json(people.to_json().as_bytes()).unwrap();
    assert_eq!(again, people);
    let find = |people: &People, text| people.credentials().find(text);
    assert_eq!(find(&again, "4711"), Some((ada, false)));
    assert_eq!(find(&again, "4712"), Some((ada, true)));
    assert_eq!(find(&again, "0A00F1B2C3"), Some((bob, false)));
    assert_eq!(find(&again, "0a00f1b2c3"), None);

    for (person, taken) in [(bob, "4711"), (ada, "4711"), (bob, "4712")] {
        let refused = people.add_credential(person, taken, false).unwrap_err();
        assert!(matches!(refused, PeopleError::Credential(CredentialError::Taken)), "{refused}");
    }
    assert_eq!(people.remove_credentials(ada).unwrap(), 2);
    assert_eq!((find(&people, "4711"), people.credentials().count()), (None, 1));
    people.remove(bob).unwrap();
    assert_eq!(people.credentials().count(), 0);
    let nobody = people.add_credential(PersonId(9), "1234", false).unwrap_err();
    assert!(matches!(nobody, PeopleError::UnknownPerson { id: PersonId(9) }), "{nobody}");
    assert!(people.remove_credentials(PersonId(9)).is_err());
}
