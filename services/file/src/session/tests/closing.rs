//! Uploads that still run when the time to drain is nearly over.

use super::*;

const TOLD: &str = "ERROR:unavailable the server goes away before it has all\nINFO:server is going away\n";

impl House {
    /// Waits until so many files are on their way in.
    async fn awaits_temporaries(&self, many: usize) {
        while self.top().iter().filter(|name| name.starts_with(".parlance-")).count() < many {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn uploads_that_can_t_be_waited_for_are_told_and_leave_nothing_behind() {
    let house = House::new();
    house.put("a", b"old");
    let mut conversations = Vec::new();
    for (many, request) in ["UPLOAD 100000 a\n", "UPLOAD 3000000 a\n", "UPLOAD ? a\n"].iter().enumerate() {
        let (mut near, ended) = house.connect().await;
        near.write_all(&[request.as_bytes(), &noise(60_000)].concat()).await.unwrap();
        house.awaits_temporaries(many + 1).await;
        conversations.push((near, ended));
    }
    house.service.store.closing().cancel();
    for (mut near, ended) in conversations {
        let mut heard = String::new();
        near.read_to_string(&mut heard).await.unwrap();
        assert_eq!((heard.as_str(), ended.await.unwrap()), (TOLD, Ended::Drain));
    }
    assert_eq!((house.get("a"), house.top()), (b"old".to_vec(), ["a".to_owned()].into()));
    assert_eq!(house.metric("file_transfers_total{direction=\"upload\",result=\"cut\"}"), 3.0);
}

#[tokio::test]
async fn what_came_of_a_resumed_upload_waits_for_the_next_server() {
    let house = House::new();
    let bytes = noise(100_000);
    let mut caller = house.dial();
    caller.send(format!("RESUME 100000 {} a\n", hash(&bytes))).await;
    assert_eq!(caller.line().await, "CONTINUE 0");
    caller.send(&bytes[..70_000]).await;
    house.service.store.closing().cancel();
    assert_eq!(String::from_utf8(caller.rest().await).unwrap(), TOLD);
    assert_eq!(caller.ended.await.unwrap(), Ended::Drain);
    let kept = house.top().into_iter().find(|name| name.starts_with(".parlance-partial-")).unwrap();
    assert!(fs::metadata(house.path(&kept)).unwrap().len() > 0);
}
