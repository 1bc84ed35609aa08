//! Many receivers of one tenant that answer slowly: a few are told at a time, and every one in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::house::{House, Plan, say};
use crate::webhooks::SECRET;
use parloir_transport::conversation::{Action, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

const RECEIVERS: usize = 12;
/// As many of one tenant are told at a time: see README.md.
const TOGETHER: usize = 8;
const PATIENCE: Duration = Duration::from_secs(90);

/// Receivers that answer once they are let.
#[derive(Default)]
struct Slow {
    open: AtomicUsize,
    most: AtomicUsize,
    told: AtomicUsize,
}

impl Slow {
    /// Answers one message, and says whether one came.
    async fn answer(&self, mut socket: TcpStream, let_go: &Semaphore) -> bool {
        let (mut bytes, mut piece) = (Vec::<u8>::new(), [0_u8; 4096]);
        // A body is one JSON object.
        while !(bytes.ends_with(b"}") && bytes.windows(4).any(|end| end == b"\r\n\r\n")) {
            match socket.read(&mut piece).await {
                Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
                _ => return false,
            }
        }
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(open, Ordering::SeqCst);
        let place = let_go.acquire().await.unwrap();
        self.open.fetch_sub(1, Ordering::SeqCst);
        self.told.fetch_add(1, Ordering::SeqCst);
        drop(place);
        let answer = b"HTTP/1.1 204 .\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        socket.write_all(answer).await.is_ok()
    }
}

/// Returns once a count is there.
async fn reaches(count: &AtomicUsize, expected: usize) {
    let reached = async {
        while count.load(Ordering::SeqCst) < expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_receivers_are_told_a_few_at_a_time_and_those_that_wait_are_told_then() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("webhook-secret");
    std::fs::write(&secret, SECRET).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (slow, let_go) = (Arc::new(Slow::default()), Arc::new(Semaphore::new(0)));
    let (receivers, places) = (Arc::clone(&slow), Arc::clone(&let_go));
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (receivers, places) = (Arc::clone(&receivers), Arc::clone(&places));
            tokio::spawn(async move { receivers.answer(socket, &places).await });
        }
    });
    let mut tenant = String::new();
    for number in 0..RECEIVERS {
        tenant += &format!(
            "[[webhook]]\ntenant = \"test\"\nurl = \"http://{address}/{number}\"\nsecret = {{ file = {secret:?} }}\nevents = [\"call.ended\"]\n"
        );
    }
    tenant += "[outbound]\nallow-private = [\"127.0.0.1/32\"]\n";
    let house = House::open(Plan { tenant: &tenant, ..Plan::default() }).await;
    house.ring(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]).await;
    reaches(&slow.open, TOGETHER).await;
    // Whoever would come beside them has time to.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(slow.open.load(Ordering::SeqCst), TOGETHER);
    let_go.add_permits(RECEIVERS);
    reaches(&slow.told, RECEIVERS).await;
    assert_eq!(slow.most.load(Ordering::SeqCst), TOGETHER);
    house.close().await;
}
