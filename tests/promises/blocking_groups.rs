//! A program without a runtime gives tasks to groups by the same names, and they do the same.

use std::sync::mpsc;

use selsyn::blocking::{Connection, Group, GroupTask, InsideRuntime, Master, RunningGroup};
use selsyn::{GroupError, InvalidGroup, StartError, TaskStatus};
use selsyn_testing::expect;
use tokio::task::spawn_blocking;

use crate::blocking::own_slave::{OwnSlave, within};

/// So many slaves, each connected to a master of its own: its tasks have a thread of their own.
struct Rig {
    slaves: Vec<OwnSlave>,
    masters: Vec<Master>,
    group: Group,
}

impl Rig {
    fn start(count: usize) -> Self {
        let slaves: Vec<_> = (0..count).map(|_| OwnSlave::start()).collect();
        let masters: Vec<_> = slaves.iter().map(|_| Master::new().unwrap()).collect();
        let members = slaves.iter().zip(&masters).enumerate().map(|(index, (slave, master))| {
            master.connect(format!("slave-{index}"), slave.address).wait().unwrap()
        });
        let group = Group::new(members).unwrap();
        Self { slaves, masters, group }
    }

    fn stop(self) {
        self.masters.iter().for_each(|master| master.close().unwrap());
        drop(self.slaves);
    }
}

/// A test that has so many members.
fn with(count: usize, test: impl FnOnce(&Group) + Send + 'static) {
    within(move || {
        let rig = Rig::start(count);
        test(&rig.group);
        rig.stop();
    });
}

fn names(group: &Group) -> GroupTask {
    group.new_tasks(|member: &Connection| member.name().to_owned()).unwrap().function("echo")
}

#[test]
fn all_gives_values_in_the_order_of_the_group_after_every_callback() {
    with(3, |group| {
        let (told, heard) = mpsc::channel();
        let (member, whole) = (told.clone(), told);
        let running = names(group)
            .each(move |task| {
                let (told, name) = (member.clone(), task.connection().to_owned());
                assert_eq!(task.function_name(), "echo");
                task.on_complete(move |_, _| told.send(name).unwrap())
            })
            .on_fail(|outcome| panic!("{outcome}"))
            .on_complete(move |outcome| whole.send(outcome.to_string()).unwrap())
            .start()
            .unwrap();
        let values: Vec<String> = running.success().unwrap();
        assert_eq!(values, ["slave-0", "slave-1", "slave-2"]);
        let mut heard: Vec<_> = heard.try_iter().collect();
        assert_eq!(heard.pop().unwrap(), "3 of 3 slaves completed; all 3 had to complete");
        heard.sort();
        assert_eq!(heard, values);
        let tasks = running.tasks();
        assert!(tasks.iter().map(|task| task.connection()).eq(values.iter()));
        assert!(running.outcome().unwrap().is_completed());
    });
}

#[test]
fn the_first_failure_is_named_and_a_callback_may_wait_for_another_task() {
    with(3, |group| {
        let (spare, (told, heard)) = (group.connections()[2].clone(), mpsc::channel());
        let task = group.new_task("out of data").unwrap().each(|task| {
            let does = if task.connection() == "slave-1" { "fail" } else { "wait" };
            task.function(does)
        });
        let running = task.on_fail(move |_| {
            let asked = spare.new_task(7).unwrap().function("echo").start().unwrap();
            told.send(asked.success::<i32>().unwrap()).unwrap();
        });
        let running = running.start().unwrap();
        let error = expect::error(running.success::<String>());
        assert!(matches!(error, GroupError::NotCompleted { .. }));
        let message = "1 of 3 slaves failed, first slave-1: FAILED, out of data; \
                       all 3 had to complete";
        assert_eq!((error.to_string().as_str(), error.code()), (message, "E0507"));
        assert_eq!(heard.try_recv(), Ok(7));
        let outcome = running.join().unwrap();
        assert_eq!(outcome.callback_panics, Vec::<String>::new());
        assert!(!outcome.members[0].counts && !outcome.members[2].counts);
    });
}

/// Each member completes but the first, which waits to be stopped.
fn one_that_waits(group: &Group) -> GroupTask {
    group.new_task(1).unwrap().each(|task| {
        let does = if task.connection() == "slave-0" { "wait" } else { "echo" };
        task.function(does)
    })
}

#[test]
fn each_policy_ends_without_the_one_that_waits_save_all() {
    with(3, |group| {
        let task = || one_that_waits(group);
        for task in [task().any(), task().quorum(), task().first(2).unwrap()] {
            let outcome = task.start().unwrap().join().unwrap();
            assert!(outcome.is_completed(), "{outcome}");
            // It is stopped, maybe before it has started.
            assert!(!outcome.members[0].counts);
        }
        let running = task().all().start().unwrap();
        let ended = |at: usize| running.tasks()[at].join().unwrap();
        assert!(ended(1).is_completed() && ended(2).is_completed());
        assert!(running.outcome().is_none(), "it waits for all");
        running.cancel("enough");
        assert_eq!(running.join().unwrap().status, TaskStatus::Aborted);
        let running = names(group).any().let_others_run().start().unwrap();
        assert_eq!(running.success::<String>().unwrap().len(), 3);
    });
}

#[test]
fn start_any_gives_the_task_to_one_that_takes_it_or_says_what_each_said() {
    with(2, |group| {
        let wait = group.connections()[0].new_task(1).unwrap().function("wait");
        let busy = wait.foreground().start().unwrap();
        let running = names(group).foreground().start_any().unwrap();
        assert_eq!(running.connection(), "slave-1");
        assert_eq!(running.success::<String>().unwrap(), "slave-1");
        busy.cancel("enough");
        busy.join().unwrap();
        let error = expect::error(names(group).function("nobody").start_any());
        let StartError::NoSlaveTook { said, .. } = error else { panic!("{error}") };
        assert_eq!(said.len(), 2);
    });
}

#[test]
fn a_group_or_policy_that_makes_no_sense_is_refused_before_anything_is_sent() {
    within(|| {
        let rig = Rig::start(1);
        assert_eq!(Group::new([]).unwrap_err(), InvalidGroup::Empty);
        let member = rig.group.connections()[0].clone();
        let twice = Group::new([member.clone(), member]).unwrap_err();
        assert_eq!(twice.to_string(), "connection slave-0 is in the group twice");
        assert_eq!(rig.masters[0].group(["slave-9"]).unwrap_err().code(), "E0217");
        let one = rig.masters[0].group(["slave-0"]).unwrap();
        assert_eq!(one.new_task(1).unwrap().first(2).unwrap_err().code(), "E0403");
        rig.stop();
    });
}

/// A hook of a member runs on the thread that carries the connections.
#[test]
fn a_start_hook_of_a_group_is_refused_a_wait_and_of_start_any_is_not() {
    with(2, |group| {
        let same = group.connections()[1].clone();
        let asking = |same: Connection| {
            group.new_task(1).unwrap().function("echo").each(move |task| {
                let same = same.clone();
                task.before_start(move |data| {
                    let asked = same.new_task(2)?.function("echo").start()?;
                    assert_eq!(asked.success::<i32>()?, 2);
                    Ok(data)
                })
            })
        };
        let outcome = asking(same.clone()).start().unwrap().join().unwrap();
        assert_eq!(outcome.members[1].outcome.status, TaskStatus::StartFailed);
        let why = outcome.to_string();
        assert!(why.contains("inside an async runtime"), "{why}");
        assert_eq!(asking(same).start_any().unwrap().success::<i32>().unwrap(), 1);
    });
}

#[tokio::test]
async fn every_wait_of_a_group_is_refused_inside_a_runtime() {
    let made = spawn_blocking(|| {
        let rig = Rig::start(2);
        let running = rig.group.new_task(1).unwrap().function("wait").start().unwrap();
        (rig, running)
    });
    let (rig, running) = expect::soon("the group on its thread", made).await.unwrap();
    let start: InsideRuntime = names(&rig.group).start().unwrap_err();
    let any = expect::error(names(&rig.group).start_any());
    assert!(matches!(any, StartError::InsideRuntime { .. }), "{any}");
    assert_eq!(any.data().to_string(), r#""slave-0""#);
    let success = expect::error(running.success::<i32>());
    assert!(success.outcome().is_none(), "it goes on");
    let join = running.join().unwrap_err();
    for code in [start.code(), any.code(), success.code(), join.code()] {
        assert_eq!(code, "E0601");
    }
    // Nothing was done, and what does not wait works.
    assert!(rig.group.connections().iter().all(|member| member.in_flight() == 1));
    running.cancel("enough");
    let joined = spawn_blocking(move || stopped(rig, &running));
    assert_eq!(expect::soon("the end", joined).await.unwrap(), TaskStatus::Aborted);
}

fn stopped(rig: Rig, running: &RunningGroup) -> TaskStatus {
    let status = running.join().unwrap().status;
    rig.stop();
    status
}
