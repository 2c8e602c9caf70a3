//! The trained whole: network and head, with every parameter reachable by its name.

use super::config::{ConfigError, TrainConfig};
use super::network::FaceNetwork;
use crate::graph::Graph;
use crate::loss::{Head, Shard};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use std::collections::BTreeMap;

/// The class centres' name: what of a model depends on the data.
pub(super) const HEAD_CENTRES: &str = "head.weight";

/// Softmax's offsets, one a class.
pub(super) const HEAD_OFFSETS: &str = "head.bias";

/// Network and head. Parameter names are paths, as `network.bottlenecks.3.expand.weight` and `head.weight`.
#[derive(Module, Debug)]
pub struct FaceModel {
    /// Face to embedding.
    pub network: FaceNetwork,
    /// Embedding to loss.
    pub head: Head,
}

impl FaceModel {
    /// A new model; network and class centres draw from different streams of the seed. `imported` is the network where the settings
    /// name it so.
    ///
    /// # Errors
    /// Settings that no model can have.
    pub fn new(
        config: &TrainConfig,
        imported: Option<&Graph>,
        classes: usize,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            network: FaceNetwork::new(&config.network, imported, config.seed, device)?,
            head: head(config, classes, Shard::WHOLE, device)?,
        })
    }

    /// This new model with its share of the class centres alone.
    ///
    /// # Errors
    /// Fewer classes than ranks.
    pub(super) fn with_shard(
        self,
        config: &TrainConfig,
        classes: usize,
        shard: Shard,
        device: &Device,
    ) -> Result<Self, ConfigError> {
        Ok(Self { head: head(config, classes, shard, device)?, ..self })
    }
}

fn head(
    config: &TrainConfig,
    classes: usize,
    shard: Shard,
    device: &Device,
) -> Result<Head, ConfigError> {
    let size = [classes, config.network.embedding];
    Ok(Head::new(config.loss, config.head, size, shard, !config.seed, device)?)
}

/// The dotted path of the parameter that a walk over a module stands at. Which variant an enum has is no part of it.
#[derive(Default)]
pub(super) struct Path(Vec<String>);

impl Path {
    /// Into `name`, a field or a variant of a `container`.
    pub(super) fn enter(&mut self, name: &str, container: &str) {
        if !is_enum(container) {
            self.0.push(name.to_owned());
        }
    }

    /// Out of a field or a variant of a `container`.
    pub(super) fn exit(&mut self, container: &str) {
        if !is_enum(container) {
            self.0.pop();
        }
    }

    pub(super) fn name(&self) -> String {
        self.0.join(".")
    }
}

/// As burn's derived modules tell a walk.
fn is_enum(container: &str) -> bool {
    container.starts_with("Enum:")
}

/// A parameter's shape and numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Row-major.
    pub numbers: Vec<f32>,
}

/// All parameters and running statistics of a module by name.
#[must_use]
pub fn parameters<M: Module>(module: &M) -> BTreeMap<String, Values> {
    struct Collect(Path, BTreeMap<String, Values>);
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _: &str, container: &str) {
            self.0.exit(container);
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            let shape = tensor.dims().to_vec();
            let numbers = tensor
                .into_data()
                .try_to_vec()
                .expect("parameters are f32: nothing in the trainer makes them anything else");
            self.1.insert(self.0.name(), Values { shape, numbers });
        }
    }
    let mut collect = Collect(Path::default(), BTreeMap::new());
    module.visit(&mut collect);
    collect.1
}

/// A stored parameter that does not belong to the module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// The module has it, the store does not.
    #[error("parameter {0} is missing: the weights are of another network or of another version")]
    Missing(String),
    /// The head has other classes.
    #[error(
        "the checkpoint's head has {found} class centres, the data needs {needed}: give the data that the run began with"
    )]
    Classes {
        /// Rows of its centres.
        found: usize,
        /// Rows that the settings and the data need.
        needed: usize,
    },
    /// Its shape differs.
    #[error(
        "parameter {name} has shape {found:?}, the network needs {needed:?}: the weights are of another network"
    )]
    Shape {
        /// Which.
        name: String,
        /// In the store.
        found: Vec<usize>,
        /// In the module.
        needed: Vec<usize>,
    },
}

/// The module with its parameters and running statistics replaced by `stored` ones.
///
/// # Errors
/// The first parameter that `stored` lacks or has in another shape. Further entries in `stored` are ignored.
pub fn with_parameters<M: Module>(
    module: M,
    stored: &BTreeMap<String, Values>,
) -> Result<M, ParameterError> {
    struct Replace<'a>(Path, &'a BTreeMap<String, Values>, Result<(), ParameterError>);
    impl Replace<'_> {
        fn stored(&self, needed: &[usize]) -> Result<&Values, ParameterError> {
            let name = self.0.name();
            match self.1.get(&name) {
                None => Err(ParameterError::Missing(name)),
                Some(values)
                    if name == HEAD_CENTRES
                        && values.shape.get(1) == needed.get(1)
                        && values.shape != needed =>
                {
                    Err(ParameterError::Classes { found: values.shape[0], needed: needed[0] })
                }
                Some(values) if values.shape != needed => Err(ParameterError::Shape {
                    name,
                    found: values.shape.clone(),
                    needed: needed.to_vec(),
                }),
                Some(values) => Ok(values),
            }
        }
    }
    impl ModuleMapper for Replace<'_> {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _: &str, container: &str) {
            self.0.exit(container);
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (id, tensor, mapper) = param.consume();
            let needed = tensor.dims();
            let tensor = match self.stored(&needed) {
                Ok(values) => {
                    let device = tensor.device();
                    Tensor::<1>::from_floats(&values.numbers[..], &device)
                        .reshape(needed)
                        .set_require_grad(tensor.is_require_grad())
                }
                Err(error) => {
                    if self.2.is_ok() {
                        self.2 = Err(error);
                    }
                    tensor
                }
            };
            Param::from_mapped_value(id, tensor, mapper)
        }
    }
    let mut replace = Replace(Path::default(), stored, Ok(()));
    let module = module.map(&mut replace);
    replace.2.map(|()| module)
}
