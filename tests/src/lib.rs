//! What Selsyn promises, one file a promise. The tests are in the folders beside this one.
