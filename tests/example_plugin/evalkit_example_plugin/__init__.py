"""An encoder, a transform, a task type and a collection for evalkit, as a third party would write them."""
