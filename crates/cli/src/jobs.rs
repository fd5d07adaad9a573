//! Work that several threads share.

use std::sync::Mutex;

/// Carries out `tasks` by `jobs` threads; their outcomes, in the order of the tasks. A task without an outcome leaves no gap.
pub(crate) fn carry_out<T: Send, R: Send>(tasks: Vec<T>, jobs: usize, run: impl Fn(T) -> Option<R> + Sync) -> Vec<R> {
    let results: Vec<Mutex<Option<R>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
    let queue = Mutex::new(tasks.into_iter().enumerate());
    // A closure of its own frees the queue before the task is carried out.
    let next = || queue.lock().ok()?.next();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(results.len()) {
            scope.spawn(|| {
                while let Some((index, task)) = next() {
                    let done = run(task);
                    if let Some(mut place) = results.get(index).and_then(|place| place.lock().ok()) {
                        *place = done;
                    }
                }
            });
        }
    });
    results.into_iter().filter_map(|place| place.into_inner().ok().flatten()).collect()
}

/// As many threads as were asked for, or one for each processor.
pub(crate) fn threads(asked: Option<u32>) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(processors, |jobs| jobs as usize)
}
