"""Who speaks: models, clients and counselors, and the prompts and rules that drive them."""
