//! Names of parts of a file, for errors.

use core::fmt;

/// An enum whose values are names for messages.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$value_doc])* $value,)*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$value => $word,)*
                })
            }
        }
    };
}

named! {
    /// A part of the file.
    Section {
        /// The tensor records.
        Tensors = "tensors",
        /// The op records.
        Ops = "ops",
        /// Weights, biases and multipliers.
        Constants = "constants",
        /// Input description, thresholds and provenance.
        Metadata = "metadata",
        /// The signature block.
        Signature = "signature",
    }
}

named! {
    /// An array that an op keeps in the constants section.
    Constant {
        /// int8 weights, or the table of a lookup.
        Weights = "weights",
        /// int32 biases.
        Bias = "bias",
        /// f32 multipliers, the scales of a fully connected op that keeps its sums, or the factors of a channel scaling.
        Multiplier = "multiplier",
        /// f32 multipliers of the negative side, or the slopes of an add.
        Negative = "negative multiplier",
        /// The f32 multipliers kept in the op record: of a residual, of the two inputs of an add or
        /// a concatenation, of an average.
        Operand = "operand multiplier",
    }
}

named! {
    /// A byte of an op that selects one of a few meanings.
    Tag {
        /// Kind of an op.
        OpKind = "op kind",
        /// Activation of an op.
        Activation = "activation",
        /// With or without residual; requantized or sums.
        OpVariant = "op variant",
    }
}

named! {
    /// A text of the metadata.
    Text {
        /// Name of the model.
        Name = "name",
        /// Training data.
        Data = "data",
        /// Command that made the model.
        Command = "command",
        /// Source revision that made the model.
        Commit = "commit",
        /// Licence of the weights.
        Licence = "licence",
        /// Names of the outputs.
        Outputs = "list of outputs",
        /// What int8 costs the network.
        Verdict = "verdict",
    }
}
