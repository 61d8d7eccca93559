"""What the tests of losses and activations share: drawn calls, array layouts, exact results and their scales."""
