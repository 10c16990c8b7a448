//! What Selsyn promises, one file a promise.

#![cfg(test)]

mod admission;
mod blocking;
mod blocking_groups;
mod callbacks;
mod cancel;
mod children;
mod codes;
mod connect;
mod control;
mod control_input;
mod deadline;
mod drain;
mod edges;
mod failures;
mod five_systems;
mod frames;
mod goodbye;
mod groups;
mod handles;
mod hooks;
mod inline;
mod labels;
mod large;
mod layering;
mod log_layer;
mod logview;
mod many_tasks;
mod nested;
mod origin;
mod outputs;
mod parts;
mod payloads;
mod queue;
mod reconnect;
mod records;
mod resume;
mod runtimes;
mod sessions;
mod start;
mod start_any;
mod traced;
