"""How long fits of linear models take to come within a millionth of the best objective, beside their peers."""
