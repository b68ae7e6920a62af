"""What stores of objects share: finding and fetching objects, and tables made of them."""
