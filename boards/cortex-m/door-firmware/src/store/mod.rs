//! What must outlive a power cut, in flash.
