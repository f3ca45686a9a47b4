//! Answers a pull from what we hold, fills what is missing once, takes pushes.
