//! What a member tells rooms, and how fast.

use super::House;

/// New names were told to a room faster than it took them up, and its queue grew as long as somebody had
/// fancies.
#[tokio::test]
async fn nobody_has_new_names_faster_than_the_room_takes_them_up() {
    let house = House::new();
    let wide = || house.dial_over("127.0.0.1:50000", 1024 * 1024);
    let (fickle, hearer) = (house.welcome("fickle0", wide()).await, house.welcome("hearer", wide()).await);
    assert_eq!(fickle.far.line().await, "MSG:hearer joined the chat");
    let before = hearer.far.writes();
    let names: String = (1..=1000).map(|n| format!("/nick fickle{n}\n")).collect();
    fickle.far.send(names).await;
    for n in 1..=1000 {
        let told = format!("MSG:fickle{} is now known as fickle{n}", n - 1);
        assert_eq!(fickle.far.line().await, told);
        assert_eq!(hearer.far.line().await, told);
    }
    // Whatever piles up in a room's queue goes out in one write.
    assert_eq!(hearer.far.writes() - before, 1000, "each was taken up before the next was told");
}
