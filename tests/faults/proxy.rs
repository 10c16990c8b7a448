//! The proxy does to the bytes what it is told, and counts only what it really did.

use std::io::ErrorKind;
use std::time::Duration;

use selsyn::Master;
use selsyn_testing::{
    Direction, Ending, Fault, FaultKind, FaultProxy, Gate, Plan, Planned, ProxyStream, Timeline,
    expect,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A proxy in memory, and the far ends of what it dials.
fn in_memory() -> (FaultProxy, mpsc::UnboundedReceiver<DuplexStream>) {
    let (dialed, far_ends) = mpsc::unbounded_channel();
    let dial = move || {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        // A test that looks at the first one only has closed the channel.
        let _ = dialed.send(theirs);
        std::future::ready(Ok(ours))
    };
    (FaultProxy::to(dial, 1), far_ends)
}

/// A proxy in memory that carries one connection.
async fn joined() -> (FaultProxy, ProxyStream, DuplexStream) {
    let (proxy, mut far_ends) = in_memory();
    let near = proxy.clone().dial().await.unwrap();
    (proxy, near, far_ends.recv().await.unwrap())
}

/// A proxy between two TCP sockets.
async fn joined_by_tcp() -> (FaultProxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::to_address(listener.local_addr().unwrap(), 1);
    let near = TcpStream::connect(proxy.listen().await.unwrap()).await.unwrap();
    let (far, _) = expect::soon("the proxy to dial", listener.accept()).await.unwrap();
    (proxy, near, far)
}

async fn says(stream: &mut (impl AsyncWrite + Unpin), text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn hears(stream: &mut (impl AsyncRead + Unpin), text: &str) {
    let mut heard = vec![0; text.len()];
    expect::soon("bytes", stream.read_exact(&mut heard)).await.unwrap();
    assert_eq!(heard, text.as_bytes());
}

async fn hears_nothing(stream: &mut (impl AsyncRead + Unpin)) {
    let read = tokio::time::timeout(Duration::from_millis(20), stream.read_u8()).await;
    assert!(read.is_err(), "nothing may arrive: {read:?}");
}

async fn hears_the_end(stream: &mut (impl AsyncRead + Unpin)) {
    let mut rest = Vec::new();
    expect::soon("the end", stream.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"");
}

async fn hears_a_reset(stream: &mut (impl AsyncRead + Unpin)) {
    let error = expect::soon("a reset", stream.read_u8()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn bytes_pass_both_ways_and_so_do_ends() {
    let (proxy, mut near, mut far) = joined().await;
    says(&mut near, "to the slave").await;
    hears(&mut far, "to the slave").await;
    says(&mut far, "to the master").await;
    hears(&mut near, "to the master").await;
    near.shutdown().await.unwrap();
    hears_the_end(&mut far).await;
    says(&mut far, "last word").await;
    drop(far);
    hears(&mut near, "last word").await;
    hears_the_end(&mut near).await;
    expect::eventually("the connection to end", || proxy.open_connections() == 0).await;
    assert_eq!((proxy.applied().total(), proxy.applied().to_string()), (0, "no fault".into()));
}

#[tokio::test(start_paused = true)]
async fn a_stall_holds_one_way_until_it_is_healed_and_closes_nothing() {
    let (proxy, mut near, mut far) = joined().await;
    proxy.inject(Fault::Stall(Direction::ToSlave));
    hears_nothing(&mut far).await;
    assert_eq!(proxy.applied().total(), 0, "no byte has met it");
    says(&mut near, "held").await;
    hears_nothing(&mut far).await;
    says(&mut far, "passes").await;
    hears(&mut near, "passes").await;
    drop(near);
    hears_nothing(&mut far).await;
    proxy.heal();
    hears(&mut far, "held").await;
    hears_the_end(&mut far).await;
    assert_eq!(proxy.applied().to_string(), "1 Stall");
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_holds_both_ways_and_answers_no_dial() {
    let (proxy, mut near, mut far) = joined().await;
    proxy.inject(Fault::BlackHole);
    says(&mut near, "there").await;
    says(&mut far, "back").await;
    hears_nothing(&mut far).await;
    hears_nothing(&mut near).await;
    let dialing = tokio::spawn(proxy.clone().dial());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!dialing.is_finished());
    proxy.heal();
    hears(&mut far, "there").await;
    hears(&mut near, "back").await;
    expect::soon("the dial", dialing).await.unwrap().unwrap();
    assert_eq!(proxy.applied().to_string(), "1 BlackHole");
}

#[tokio::test]
async fn who_connects_into_a_black_hole_hears_nothing_and_is_reset_after_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::to_address(listener.local_addr().unwrap(), 1);
    proxy.inject(Fault::BlackHole);
    let mut near = TcpStream::connect(proxy.listen().await.unwrap()).await.unwrap();
    expect::soon("it to be felt", proxy.until_applied(FaultKind::BlackHole, 1)).await;
    hears_nothing(&mut near).await;
    proxy.heal();
    hears_a_reset(&mut near).await;
}

#[tokio::test]
async fn a_reset_is_heard_as_one_on_both_sides_and_counts_only_with_a_connection() {
    let (proxy, mut near, mut far) = joined_by_tcp().await;
    expect::eventually("the connection", || proxy.open_connections() == 1).await;
    proxy.inject(Fault::Reset);
    hears_a_reset(&mut near).await;
    hears_a_reset(&mut far).await;
    proxy.inject(Fault::Reset);
    proxy.inject(Fault::HalfClose(Direction::ToSlave));
    assert_eq!(proxy.applied().to_string(), "1 Reset");

    let (proxy, mut near, mut far) = joined().await;
    proxy.inject(Fault::Reset);
    hears_a_reset(&mut near).await;
    hears_the_end(&mut far).await;
}

#[tokio::test]
async fn a_target_that_is_not_there_is_told_in_plain_words() {
    let dead = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let proxy = FaultProxy::to_address(dead, 1);
    let address = proxy.listen().await.unwrap();
    let error = expect::error(Master::new().unwrap().connect("it", address).await);
    let said = format!("it cannot be reached at {address} (1 attempts): connection reset");
    assert_eq!((error.code(), error.to_string()), ("E0202", said));
    assert_eq!(proxy.applied().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_half_close_ends_one_way_and_swallows_what_its_sender_says_on() {
    let (proxy, mut near, mut far) = joined().await;
    expect::eventually("the connection", || proxy.open_connections() == 1).await;
    proxy.inject(Fault::HalfClose(Direction::ToSlave));
    hears_the_end(&mut far).await;
    says(&mut near, "to nobody").await;
    says(&mut far, "passes").await;
    hears(&mut near, "passes").await;
    assert_eq!(proxy.applied().to_string(), "1 HalfClose");
}

fn cut(bytes: u64, ending: Ending) -> Fault {
    Fault::CutAfter { direction: Direction::ToSlave, bytes, ending }
}

#[tokio::test(start_paused = true)]
async fn a_cut_lets_exactly_its_bytes_pass() {
    for ending in [Ending::Close, Ending::HalfClose] {
        let (proxy, mut near, mut far) = joined().await;
        proxy.inject(cut(4, ending));
        hears_nothing(&mut far).await;
        assert_eq!(proxy.applied().total(), 0, "it was not reached");
        says(&mut near, "to the slave").await;
        hears(&mut far, "to t").await;
        hears_the_end(&mut far).await;
        assert_eq!(proxy.applied().to_string(), "1 Cut");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_that_its_connection_did_not_live_to_see_waits_for_the_next_one() {
    let (proxy, mut far_ends) = in_memory();
    proxy.inject(cut(6, Ending::Reset));
    let mut near = proxy.clone().dial().await.unwrap();
    let mut far = far_ends.recv().await.unwrap();
    says(&mut near, "fou").await;
    hears(&mut far, "fou").await;
    drop((near, far));
    expect::eventually("it to end", || proxy.open_connections() == 0).await;
    assert_eq!(proxy.applied().total(), 0);

    let mut near = proxy.clone().dial().await.unwrap();
    let mut far = far_ends.recv().await.unwrap();
    says(&mut near, "four more").await;
    hears(&mut far, "fou").await;
    hears_a_reset(&mut near).await;
    assert_eq!(proxy.applied().of(FaultKind::Cut), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delay_and_a_slow_line_take_the_time_they_say() {
    let (proxy, mut near, mut far) = joined().await;
    proxy.inject(Fault::Delay { by: Duration::from_secs(2), jitter: Duration::from_secs(1) });
    let begun = Instant::now();
    says(&mut near, "late").await;
    hears(&mut far, "late").await;
    assert!((2.0..3.01).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    proxy.heal();

    proxy.inject(Fault::Slow { bytes_per_second: 100 });
    let (begun, text) = (Instant::now(), "x".repeat(1_000));
    says(&mut near, &text).await;
    hears(&mut far, &text).await;
    assert!((9.9..10.5).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    assert_eq!(proxy.applied().to_string(), "1 Delay, 1 Slow");
}

#[tokio::test(start_paused = true)]
async fn the_longest_times_are_no_panic() {
    const EVER: Duration = Duration::MAX;
    let (proxy, mut near, mut far) = joined().await;
    let fault = Fault::Delay { by: EVER, jitter: EVER };
    let plan = Plan::new([Planned { fault, lasts: EVER, pause: EVER }]);
    let hears = async {
        says(&mut near, "never").await;
        hears_nothing(&mut far).await;
    };
    tokio::select! {
        biased;
        () = proxy.play(&plan) => panic!("it lasts for ever"),
        () = hears => {}
    }
    assert_eq!(proxy.open_connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn slices_arrive_in_pieces_and_in_order() {
    let (proxy, mut near, mut far) = joined().await;
    proxy.inject(Fault::Slice);
    says(&mut near, "one after the other").await;
    let mut piece = [0; 100];
    let first = expect::soon("a piece", far.read(&mut piece)).await.unwrap();
    assert!(first < 5, "{first} bytes came at once");
    hears(&mut far, &"one after the other"[first..]).await;
    assert_eq!(proxy.applied().to_string(), "1 Slice");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_connect_says_the_first_bytes_twice_and_then_nothing() {
    let (proxy, mut far_ends) = in_memory();
    proxy.inject(Fault::DuplicateConnect { bytes: 5 });
    let mut near = proxy.clone().dial().await.unwrap();
    says(&mut near, "hello, slave").await;
    let (mut one, mut other) = (far_ends.recv().await.unwrap(), far_ends.recv().await.unwrap());
    hears(&mut one, "hello, slave").await;
    hears(&mut other, "hello").await;
    hears_nothing(&mut other).await;
    says(&mut other, "to nobody").await;
    hears_nothing(&mut near).await;
    drop(near);
    hears_the_end(&mut one).await;
    drop(one);
    hears_the_end(&mut other).await;
    assert_eq!(proxy.applied().to_string(), "1 DuplicateConnect");
}

#[tokio::test(start_paused = true)]
async fn a_played_plan_applies_each_of_its_faults_once_and_leaves_the_network_whole() {
    let (proxy, mut near, mut far) = joined().await;
    let times = Duration::from_millis(10)..Duration::from_millis(50);
    let plan = Plan::stalls(3, 20, times);
    let chatter = async {
        loop {
            says(&mut near, "a").await;
            says(&mut far, "b").await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = chatter => unreachable!("it talks until the plan is over"),
        () = proxy.play(&plan) => {}
    }
    assert_eq!(proxy.applied().to_string(), "20 Stall");
    says(&mut near, "!").await;
    let all = async { while far.read_u8().await.unwrap() != b'!' {} };
    expect::soon("the last byte", all).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_proxy_does_stands_in_its_timeline_with_the_seed() {
    let timeline = Timeline::new(Some(9));
    let dial = || std::future::ready(Ok(tokio::io::duplex(64).0));
    let proxy = FaultProxy::to_noting(dial, 9, "slave-0", timeline.clone());
    let _near = proxy.clone().dial().await.unwrap();
    proxy.inject(Fault::BlackHole);
    proxy.heal();
    let printed = timeline.to_string();
    assert!(printed.contains("seed 9 "), "{printed}");
    for noted in ["BlackHole begins", "healed"] {
        assert!(printed.contains(&format!("proxy slave-0: {noted}")), "{printed}");
    }
}

/// Says one byte after the other until nobody listens, and then dials again.
async fn babble(proxy: FaultProxy) {
    loop {
        let mut near = proxy.clone().dial().await.unwrap();
        for byte in (0..=250).cycle() {
            if near.write_all(&[byte; 3]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_played_what_arrives_is_a_beginning_of_what_was_said() {
    for seed in 0..15 {
        let (proxy, mut far_ends) = in_memory();
        let (babbling, heard) = (tokio::spawn(babble(proxy.clone())), Gate::closed());
        let hears_all = async {
            let mut hearing = JoinSet::new();
            while let Some(mut far) = far_ends.recv().await {
                let heard = heard.clone();
                hearing.spawn(async move {
                    let (mut all, mut piece) = (Vec::new(), [0; 1024]);
                    while let Ok(read @ 1..) = far.read(&mut piece).await {
                        all.extend_from_slice(&piece[..read]);
                    }
                    let said = (0..=250_u8).cycle().flat_map(|byte| [byte; 3]);
                    assert!(said.take(all.len()).eq(all.iter().copied()), "{} bytes", all.len());
                    heard.open();
                });
                while let Some(checked) = hearing.try_join_next() {
                    checked.unwrap();
                }
            }
            hearing.join_all().await;
        };
        let plan = Plan::swarm(seed, 15, Duration::from_millis(5)..Duration::from_millis(400));
        let plays = async {
            proxy.play(&plan).await;
            babbling.abort();
            let _ = babbling.await;
            drop(proxy);
        };
        tokio::join!(hears_all, plays);
        assert!(heard.is_open(), "seed {seed}: nothing was heard");
    }
}
