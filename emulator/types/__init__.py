"""StarRocks' types: what each is called, and what becomes of values of two of them."""
