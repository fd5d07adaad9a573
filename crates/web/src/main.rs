//! Starts the page; in a worker, what the page asks a worker for.

fn main() {
    match cr3_web::worker::scope() {
        Some(scope) => cr3_web::worker::serve(scope),
        None => {
            yew::Renderer::<cr3_web::App>::new().render();
        }
    }
}
