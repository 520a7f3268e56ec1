-- Plain PostgreSQL: the series stay tables. Rows come nearly in the order of their time, so a
-- block-range index finds what retention may delete at a thousandth of a B-tree's size.

CREATE INDEX flow_time ON flow USING brin (time);
CREATE INDEX reading_time ON reading USING brin (time);
CREATE INDEX health_time ON health USING brin (time);
