//! Starts the page; in a worker, the explorer.

fn main() {
    if !cr3_web::serves_explorer() {
        yew::Renderer::<cr3_web::App>::new().render();
    }
}
