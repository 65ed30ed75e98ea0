//! Keys, the mouse and pastes, and what becomes of a line.

use super::*;

#[test]
fn a_click_on_a_room_goes_there() {
    let mut rig = Rig::inside(80, 8);
    rig.enter("/join dev");
    rig.mouse(MouseEventKind::Down(MouseButton::Left), 3, 0);
    assert_eq!(rig.screen.talk().target, Target::Room(RoomName::lobby()));
    rig.mouse(MouseEventKind::Down(MouseButton::Left), 3, 5);
    assert_eq!(rig.screen.active, 0, "nothing is there");
}

#[test]
fn tab_completes_and_arrows_recall() {
    let mut rig = Rig::inside(50, 6);
    rig.hear(message(1, "bob", "hello"));
    rig.typed("b");
    rig.press(KeyCode::Tab);
    assert!(rig.shows("> bob: "));
    rig.enter("yes");
    rig.typed("/j");
    rig.press(KeyCode::Tab);
    rig.typed("lo");
    rig.press(KeyCode::Tab);
    assert!(rig.shows("> /join lobby "));
    rig.press(KeyCode::Up);
    assert!(rig.shows("> bob: yes"));
    rig.press(KeyCode::Down);
    assert!(rig.shows("> /join lobby "));
}

#[test]
fn help_lines_up_where_it_does_not_fit() {
    let mut rig = Rig::inside(50, 36);
    rig.enter("/help");
    assert_snapshot!(rig.drawn());
}

#[test]
fn help_fits_a_terminal_as_most_have_it() {
    let mut rig = Rig::inside(80, 24);
    rig.enter("/help");
    let drawn = rig.drawn();
    assert!(drawn.contains("│/join ROOM ") && drawn.contains("│Ctrl-C ") && !drawn.contains('↓'), "{drawn}");
}

#[test]
fn help_that_does_not_fit_is_read_from_its_beginning() {
    let mut rig = Rig::inside(50, 15);
    rig.enter("/help");
    assert!(rig.shows("\"/join ROOM ") && rig.shows(" #lobby · ↓ PgDn, Esc · "), "{}", rig.drawn());
    rig.press(KeyCode::PageDown);
    assert!(rig.shows("Ctrl-C ") && !rig.shows("↓"), "{}", rig.drawn());
}

#[test]
fn leaving_takes_an_empty_line() {
    let control = KeyModifiers::CONTROL;
    let mut rig = Rig::inside(50, 6);
    rig.typed("precious");
    rig.key(KeyCode::Char('c'), control);
    assert!(rig.grant().is_empty());
    rig.key(KeyCode::Char('c'), control);
    rig.key(KeyCode::Char('d'), control);
    let wishes: Vec<Wish> = rig.grant().into_iter().map(|(_, wish)| wish).collect();
    assert_eq!(wishes, [Wish::Interrupt, Wish::Quit]);
    assert_eq!(rig.enter("/quit").pop().unwrap().1, Wish::Quit);
}

#[test]
fn a_paste_of_several_lines_is_several_messages() {
    let mut rig = Rig::inside(50, 8);
    rig.screen.event(&Input::Paste("one\ntwo".into()));
    assert!(rig.shows("> one⏎two"));
    rig.press(KeyCode::Enter);
    assert_eq!(rig.grant().len(), 2);
    assert!(rig.shows("<alice> one") && rig.shows("<alice> two"));
}

#[test]
fn what_is_said_is_there_at_once_and_its_ack_puts_it_in_its_place() {
    let mut rig = Rig::inside(50, 8);
    let (key, wish) = rig.enter("mine").remove(0);
    let target = Target::Room(RoomName::lobby());
    let say = Request::Say { room: RoomName::lobby(), text: "mine".into() };
    assert_eq!(wish, Wish::Ask(say, Purpose::Say(target, "mine".into())));
    assert!(rig.shows("<alice> mine"));
    rig.hear(message(2, "bob", "later"));
    let place = Some((RoomName::lobby(), 1));
    rig.answer(Some(key), Event::Ack { place, at: AT });
    let drawn = rig.drawn();
    assert!(drawn.find("mine") < drawn.find("later"), "{drawn}");
    rig.hear(message(1, "alice", "mine"));
    assert_eq!(rig.drawn().matches("mine").count(), 1, "its echo is the same message");
}

#[test]
fn a_refused_line_is_marked_and_the_reason_told() {
    let mut rig = Rig::inside(50, 8);
    let (key, _) = rig.enter("mine").remove(0);
    rig.answer(Some(key), Event::Refused(Refusal::new(Code::NoSpace, "the disk is full")));
    assert!(rig.shows("<alice> mine (not said)") && rig.shows("-- the disk is full (no_space)"));
    rig.enter("/jion dev");
    assert!(rig.shows("there is no /jion; see /help"));
}

#[test]
fn a_word_to_somebody_who_is_not_there_leaves_one_where_one_was() {
    let mut rig = Rig::inside(60, 8);
    let (key, _) = rig.enter("/msg nobdy psst").remove(0);
    rig.answer(Some(key), Event::Refused(Refusal::new(Code::NoSuchUser, "there is no nobdy")));
    assert!(!rig.shows("@nobdy") && rig.shows("there is no nobdy"), "{}", rig.drawn());
    let (_, wish) = rig.enter("back again").remove(0);
    let target = Target::Room(RoomName::lobby());
    assert!(matches!(wish, Wish::Ask(_, Purpose::Say(said_in, _)) if said_in == target));
}

#[test]
fn a_talk_with_somebody_who_has_left_stays() {
    let mut rig = Rig::inside(60, 8);
    let (key, _) = rig.enter("/msg bob psst").remove(0);
    rig.answer(Some(key), Event::Ack { place: None, at: AT });
    let (key, _) = rig.enter("still there?").remove(0);
    rig.answer(Some(key), Event::Refused(Refusal::new(Code::NoSuchUser, "there is no bob")));
    assert!(rig.shows("psst") && rig.shows("still there? (not said)"), "{}", rig.drawn());
}

#[test]
fn control_r_finds_what_was_typed_before() {
    let control = KeyModifiers::CONTROL;
    let mut rig = Rig::inside(50, 8);
    rig.enter("make tea");
    rig.enter("hello");
    rig.typed("draft");
    rig.key(KeyCode::Char('r'), control);
    rig.typed("TEA");
    assert!(rig.shows("search `TEA`: make tea"), "{}", rig.drawn());
    rig.typed("m");
    assert!(rig.shows("nothing like `TEAm`: make"), "{}", rig.drawn());
    rig.key(KeyCode::Char('c'), control);
    assert!(rig.shows("> draft"), "{}", rig.drawn());
    rig.key(KeyCode::Char('r'), control);
    rig.typed("tea");
    rig.press(KeyCode::Esc);
    assert!(rig.shows("> make tea"), "{}", rig.drawn());
}

#[test]
fn a_page_that_does_not_fit_is_left_out_and_told() {
    let mut rig = Rig::inside(80, 8);
    rig.typed("before");
    rig.screen.event(&Input::Paste("x".repeat(70_000)));
    assert!(rig.shows("-- a line takes 64.00 KiB at most; that was"), "{}", rig.drawn());
    assert!(rig.shows("> before "), "{}", rig.drawn());
}

#[test]
fn what_can_not_be_asked_can_be_mended() {
    let mut rig = Rig::inside(50, 8);
    rig.typed("too long");
    rig.press(KeyCode::Enter);
    let Some(Wish::Ask(_, purpose)) = rig.screen.take().pop() else { panic!("nothing is asked") };
    assert!(rig.shows(">      "));
    rig.screen.not_asked(purpose.clone());
    assert!(rig.shows("> too long "), "{}", rig.drawn());
    rig.screen.not_asked(purpose);
    assert!(rig.shows("> too long "), "what is being typed stays alone");
}
