//! Read models in a folder of files: what the suite for read databases cannot see, because it is
//! about files, SQL and processes.

mod applying;
mod generations;
mod scene;
mod waiting_letters;
