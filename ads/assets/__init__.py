"""What an ad is made of: pictures, spots, words and links."""
