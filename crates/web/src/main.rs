//! Starts the page.

fn main() {
    yew::Renderer::<cr3_web::App>::new().render();
}
