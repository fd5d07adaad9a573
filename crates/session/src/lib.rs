//! What a person is doing in the playground: actions, state and view data. Knows nothing of a browser.
