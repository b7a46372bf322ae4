"""Standard attacks: adversarial examples made from benign ones."""
