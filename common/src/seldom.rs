//! A future that is looked at only when it has something to say.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

pin_project_lite::pin_project! {
    /// Polls a future when it was woken, and not whenever its task is: for what seldom happens in a
    /// loop beside what often does. To ask a timer, a notification and a token whether they have
    /// come costs as much as to read a frame. One that has ended is polled again at once: for what
    /// can go on then, as `poll_fn` can.
    ///
    /// # Cancel safety
    ///
    /// As safe to drop as the future is.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Seldom<F> {
        #[pin]
        future: F,
        bell: Arc<Bell>,
        // Rings the bell.
        ringer: Waker,
        // The task that the bell wakes.
        task: Option<Waker>,
    }
}

#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F> Seldom<F> {
    /// A future that is polled when it was woken, and the first time.
    pub fn new(future: F) -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::new(None) });
        let ringer = Waker::from(Arc::clone(&bell));
        Self { future, bell, ringer, task: None }
    }

    /// The future, to be changed where it stands: a timer, to be set anew, which keeps the waker that it
    /// was polled with.
    pub fn future(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // Before the look at the bell: who rings it afterwards wakes this task.
        if !this.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *this.task = Some(context.waker().clone());
            this.bell.wakes(context.waker());
        }
        if !this.bell.rung.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        // Whatever was rung for before this is found by the poll after it.
        this.bell.rung.swap(false, Ordering::AcqRel);
        let polled = this.future.poll(&mut Context::from_waker(this.ringer));
        if polled.is_ready() {
            // Nobody rings for one that may be polled again.
            this.bell.rung.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl Bell {
    fn wakes(&self, task: &Waker) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.clone());
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        task.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts how often it rings.
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_is_polled_first_and_whenever_it_was_woken_and_its_task_is_woken_with_it() {
        let (mut polls, mut last) = (0, None);
        let task = Arc::new(Task(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&task));
        let mut context = Context::from_waker(&waker);
        {
            let mut seldom = pin!(Seldom::new(poll_fn(|context| {
                polls += 1;
                last = Some(context.waker().clone());
                if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
            })));
            for _ in 0..5 {
                assert!(seldom.as_mut().poll(&mut context).is_pending());
            }
            assert_eq!(task.0.load(Ordering::Relaxed), 0);
            seldom.bell.clone().wake();
            seldom.bell.clone().wake();
            assert_eq!(task.0.load(Ordering::Relaxed), 2);
            assert!(seldom.as_mut().poll(&mut context).is_pending());
            seldom.bell.clone().wake();
            assert_eq!(seldom.as_mut().poll(&mut context), Poll::Ready(3));
        }
        assert!(last.is_some());
    }

    #[test]
    fn one_that_has_ended_and_goes_on_is_polled_without_being_woken() {
        let mut polls = 0;
        let goes_on = poll_fn(|_| {
            polls += 1;
            if polls % 2 == 1 { Poll::Ready(polls) } else { Poll::Pending }
        });
        let (mut seldom, mut context) =
            (pin!(Seldom::new(goes_on)), Context::from_waker(Waker::noop()));
        assert_eq!(seldom.as_mut().poll(&mut context), Poll::Ready(1));
        assert!(seldom.as_mut().poll(&mut context).is_pending());
        assert!(seldom.as_mut().poll(&mut context).is_pending());
        seldom.bell.clone().wake();
        assert_eq!(seldom.as_mut().poll(&mut context), Poll::Ready(3));
    }

    #[test]
    fn a_task_that_takes_over_is_woken_in_place_of_the_one_before() {
        let tasks = [0, 1].map(|_| Arc::new(Task(AtomicUsize::new(0))));
        let mut seldom = pin!(Seldom::new(std::future::pending::<()>()));
        for task in &tasks {
            let waker = Waker::from(Arc::clone(task));
            assert!(seldom.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        seldom.bell.clone().wake();
        assert_eq!(tasks.map(|task| task.0.load(Ordering::Relaxed)), [0, 1]);
    }
}
