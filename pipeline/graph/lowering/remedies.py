"""What to do about operators that are not carried: what says nearly the same, and is."""

from collections.abc import Mapping

ANY = "replace that layer before export, or leave it outside the model"

_ACTIVATION = "train with Relu, LeakyRelu, HardSwish or SiLU in its place"
_RECURRENT = "train with convolutions along time, or attention, in its place"
_DECISION = "leave it outside the model: export up to what it reads"
_NORMALIZATION = "train with BatchNormalization, or with LayerNormalization over the last axis, in its place"
_REDUCTION = "take ReduceMean, and a factor in the next layer"
_IMAGE = "take Resize and Conv, or ConvTranspose, in its place"

REMEDIES: Mapping[str, str] = {
    **dict.fromkeys(["Celu", "Elu", "Mish", "Selu", "Softplus", "Softsign", "ThresholdedRelu"], _ACTIVATION),
    **dict.fromkeys(["GRU", "LSTM", "RNN", "Loop", "Scan"], _RECURRENT),
    **dict.fromkeys(["ArgMax", "ArgMin", "LogSoftmax", "NonMaxSuppression", "NonZero", "TopK"], _DECISION),
    **dict.fromkeys(["GroupNormalization", "InstanceNormalization", "LRN", "LpNormalization"], _NORMALIZATION),
    **dict.fromkeys(["ReduceProd", "ReduceSum"], _REDUCTION),
    **dict.fromkeys(["DepthToSpace", "GridSample", "MaxUnpool"], _IMAGE),
    "Einsum": "say it by MatMul, Transpose and Reshape",
}


def remedy(operator: str) -> str:
    """What to do where this operator stands."""
    return REMEDIES.get(operator, ANY)
